//! What a session costs on the disk:
//! `cargo test --all-features --test store_postgres bytes -- --nocapture`.

use crate::support::{Schema, claimant, log_in};
use adjourn::{reason::EndReason, store::SessionStore};

const SESSIONS: i64 = 2_000;

#[tokio::test]
#[expect(clippy::print_stdout, reason = "figures for whoever runs the test")]
async fn bytes_of_a_session_and_of_a_tombstone() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let store = schema.store().await;
    let mut ids = Vec::new();
    for number in 0..SESSIONS {
        ids.push(log_in(&store, &format!("user-{number}")).await);
    }
    let (table, indexes) = bytes(&schema).await;
    println!("PostgreSQL: a session takes {table} bytes, and {indexes} in indexes");
    assert!(table + indexes < 1_000, "{table} and {indexes}");
    let ended = store
        .end_many(&ids, EndReason::Logout.into(), claimant())
        .await;
    for departed in ended.unwrap() {
        assert!(
            store
                .acknowledge(departed.id, departed.claim)
                .await
                .unwrap()
        );
    }
    // What a table keeps in the long run: dead versions are reused, indexes are as vacuumed.
    schema.run("vacuum full @schema@.session").await;
    let (table, indexes) = bytes(&schema).await;
    println!("PostgreSQL: a tombstone takes {table} bytes, and {indexes} in indexes");
    assert!(table + indexes < 700, "{table} and {indexes}");
}

/// Of the table and of its indexes, for each row.
async fn bytes(schema: &Schema) -> (i64, i64) {
    let each = |size: &str| format!("select {size}('@schema@.session') / {SESSIONS}");
    let table = schema.number(&each("pg_table_size")).await;
    (table, schema.number(&each("pg_indexes_size")).await)
}
