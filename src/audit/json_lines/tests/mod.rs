mod formats;
mod schema;
mod synced;
