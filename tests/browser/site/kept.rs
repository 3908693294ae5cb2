//! Everything that a site can keep in a browser, filled and counted.

use super::Front;
use crate::drive::Tab;

/// Fills every kind of storage of the site, and comes back to the page.
pub(crate) fn fill(front: &Front, tab: &Tab<'_>) {
    front.answer("/test-fill", 200, "text/html", "<title>fill</title>");
    front.answer(
        "/test-worker.js",
        200,
        "text/javascript",
        "onfetch = () => {};",
    );
    let here = tab.eval("location.href");
    tab.go(&front.url("/test-fill"));
    tab.eval(FILL);
    assert_eq!(kept(tab), KINDS);
    tab.go(here.as_str().unwrap());
}

/// The kinds of storage in which something is kept.
pub(crate) fn kept(tab: &Tab<'_>) -> Vec<String> {
    serde_json::from_value(tab.eval(KEPT)).unwrap()
}

const KINDS: [&str; 5] = [
    "localStorage",
    "sessionStorage",
    "IndexedDB",
    "Cache Storage",
    "service worker",
];

const FILL: &str = "(async () => {
    // A storage does not list the keys that are called like its members, and removes them all the same.
    for (const key of ['draft', 'length', 'key', 'getItem', 'removeItem', 'toString']) {
        localStorage.setItem(key, 'secret');
        sessionStorage.setItem(key, 'secret');
    }
    await new Promise((done, failed) => {
        const request = indexedDB.open('bank', 1);
        request.onupgradeneeded = () => request.result.createObjectStore('drafts');
        request.onsuccess = () => { request.result.close(); done(); };
        request.onerror = failed;
    });
    await (await caches.open('bank')).put('/test-kept', new Response('secret'));
    await navigator.serviceWorker.register('/test-worker.js', { scope: '/test-scope/' });
})()";

const KEPT: &str = "(async () => [
    localStorage.length && 'localStorage',
    sessionStorage.length && 'sessionStorage',
    (await indexedDB.databases()).length && 'IndexedDB',
    (await caches.keys()).length && 'Cache Storage',
    (await navigator.serviceWorker.getRegistrations()).length && 'service worker',
].filter(Boolean))()";
