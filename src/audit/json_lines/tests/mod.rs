mod formats;
mod schema;
