//! Two applications on one store, by mistake or on purpose.

use crate::support::{SECRET, log_in};
use adjourn::{
    id::Subject,
    record::Activity,
    store::{CheckIn, Error, ErrorKind, SessionStore},
};
use std::sync::Arc;

/// `open`: the store in one of several places, for an application of this name. `setting`: what gives
/// an application a place of its own.
pub(crate) async fn are_told_apart(
    open: impl AsyncFn(usize, Option<&str>) -> Result<Arc<dyn SessionStore>, Error>,
    setting: &str,
) {
    // Without names nothing tells them apart: what is shared is one store.
    let (one, other) = (open(0, None).await.unwrap(), open(0, None).await.unwrap());
    let id = log_in(&*one, "alice").await;
    assert!(is_live(&*other, id).await);

    let shop = open(0, Some("shop")).await.unwrap();
    assert!(is_live(&*shop, id).await, "it is theirs now");
    for (name, named) in [
        (Some("bank"), r#"this is the application "bank""#),
        (Some(""), r#"this is the application """#),
        (None, "this is an application without a name"),
    ] {
        let error = open(0, name).await.err().expect("it is the shop's");
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        let text = error.to_string();
        for part in [
            r#"the application "shop""#,
            named,
            setting,
            "with_application",
        ] {
            assert!(text.contains(part), "no {part}: {text}");
        }
    }
    let again = open(0, Some("shop")).await.unwrap();
    assert!(is_live(&*again, id).await && is_live(&*one, id).await);

    // In a place of its own it meets nobody.
    let bank = open(1, Some("bank")).await.unwrap();
    let answer = bank.check_in(id, &SECRET, Activity::Active).await;
    assert!(matches!(answer.unwrap(), CheckIn::Unknown));
    let alice = Subject::new("alice").unwrap();
    assert!(bank.list(&alice).await.unwrap().is_empty());

    // Both start at once: one of them has it.
    let open = &open;
    let opening = (0..8).map(|number| async move {
        let name = if number % 2 == 0 { "shop" } else { "bank" };
        open(2, Some(name)).await.is_ok().then_some(name)
    });
    let opened: Vec<_> = futures_util::future::join_all(opening).await;
    let won: Vec<_> = opened.into_iter().flatten().collect();
    assert_eq!(won.len(), 4, "{won:?}");
    assert!(won.iter().all(|name| *name == won[0]), "{won:?}");
}

async fn is_live(store: &dyn SessionStore, id: adjourn::id::SessionId) -> bool {
    let answer = store.check_in(id, &SECRET, Activity::Active).await;
    matches!(answer.unwrap(), CheckIn::Live(_))
}
