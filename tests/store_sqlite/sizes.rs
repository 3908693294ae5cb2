//! What a session costs on the disk:
//! `cargo test --all-features --test store_sqlite bytes -- --nocapture`.

use crate::support::{File, claimant, log_in};
use adjourn::{reason::EndReason, store::SessionStore};
use sqlx::Row;

const SESSIONS: i64 = 2_000;

#[tokio::test]
#[expect(clippy::print_stdout, reason = "figures for whoever runs the test")]
async fn bytes_of_a_session_and_of_a_tombstone() {
    let file = File::default();
    let store = file.store().await;
    let mut ids = Vec::new();
    for number in 0..SESSIONS {
        ids.push(log_in(&store, &format!("user-{number}")).await);
    }
    let session = bytes(&file).await;
    println!("SQLite: a session takes {session} bytes, with its indexes");
    assert!(session < 800, "{session}");
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
    // Without the notices, which are dropped after five minutes.
    file.run("delete from adjourn_notice; vacuum").await;
    let tombstone = bytes(&file).await;
    println!("SQLite: a tombstone takes {tombstone} bytes, with its indexes");
    assert!(tombstone < 500, "{tombstone}");
}

async fn bytes(file: &File) -> i64 {
    const SIZE: &str = "select page_count * page_size from pragma_page_count, pragma_page_size";
    let row = sqlx::query(SIZE).fetch_one(&file.pool().await).await;
    row.unwrap().get::<i64, _>(0) / SESSIONS
}
