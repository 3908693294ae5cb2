/* Leaves the page when its session is over: when it comes back into view, from the browser's
   memory too, it asks how the session stands. */
(() => {
  "use strict";
  const at = new URL("status", document.currentScript.src);
  let session;
  const look = async () => {
    let answer, body;
    try {
      answer = await fetch(at, { credentials: "same-origin", cache: "no-store" });
      body = await answer.json();
    } catch {
      return; // Not reached, or not ours: nothing is known.
    }
    if (answer.status === 200 && body.state === "live") {
      if (session !== undefined && session !== body.subject_key) location.reload();
      session = body.subject_key;
    } else if (answer.status === 401 && body.state !== "outdated" && session !== undefined) {
      document.documentElement.hidden = true;
      location.replace(body.exit ?? new URL("signed-out", at));
    }
  };
  addEventListener("pageshow", look);
  addEventListener("online", look);
  document.addEventListener("visibilitychange", () => document.hidden || look());
})();
