//! Two applications in one database.

#[path = "../store_common/applications.rs"]
mod common;

use crate::support::Schema;
use adjourn::store::SessionStore;
use std::sync::Arc;

#[tokio::test]
async fn two_applications_in_one_schema_are_told_apart() {
    let Some(first) = Schema::of_a_test() else {
        return;
    };
    let options = &first.options;
    let schemas = [(); 3].map(|()| Schema::on(options.clone()));
    let open = async |number: usize, name: Option<&str>| {
        let mut builder = schemas[number].builder();
        builder.migrate().await?;
        if let Some(name) = name {
            builder = builder.with_application(name);
        }
        let opened = builder.open().await;
        opened.map(|store| Arc::new(store) as Arc<dyn SessionStore>)
    };
    common::are_told_apart(open, "PostgresStoreBuilder::with_schema").await;
}
