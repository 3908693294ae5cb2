//! Two applications on one machine.

#[path = "../store_common/applications.rs"]
mod common;

use crate::support::File;
use adjourn::store::SessionStore;
use std::sync::Arc;

#[tokio::test]
async fn two_applications_on_one_file_are_told_apart() {
    let files = [(); 3].map(|()| File::default());
    let open = async |number: usize, name: Option<&str>| {
        let mut builder = files[number].builder().await;
        if let Some(name) = name {
            builder = builder.with_application(name);
        }
        let opened = builder.open().await;
        opened.map(|store| Arc::new(store) as Arc<dyn SessionStore>)
    };
    common::are_told_apart(open, "SqliteStore::open").await;
}
