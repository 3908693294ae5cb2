// The page `/live`.
import { Connection, events } from "./connection.js";

const SENTENCES = {
  "absolute-timeout": "it reached its maximum length",
  forced: "an administrator ended it",
  "idle-timeout": "nobody was active for too long",
  logout: "you logged out",
  "logout-elsewhere": "you ended it on another device",
  superseded: "you logged in elsewhere, and the limit of sessions was reached",
};
const SESSION_ENDED = 3000; // the code with which a WebSocket is closed when its session ends
const $ = (id) => document.getElementById(id);

// Shown for a moment, because that is what this page is about. Then the script of every page sees to
// it that it is left. A page with something to hide would `adjourn.register` what it opens instead,
// and be left at once: see `admin.js`.
function over(reason) {
  if (!$("over").hidden) return; // the other connection was first
  // A warning would be before it.
  const shown = document.querySelector("adjourn-warning") ? 0 : 1500;
  setTimeout(() => adjourn.fetch("/session/status"), shown);
  const link = Object.assign(document.createElement("a"), { href: "/login", textContent: "Log in again" });
  $("over").replaceChildren(`This session has ended: ${SENTENCES[reason] ?? reason}. `, link);
  $("over").hidden = false;
  say("rights-list", "nothing any more");
  for (const control of document.querySelectorAll("main button, main input, main textarea")) {
    control.disabled = true;
  }
}

const say = (id, text) => ($(id).textContent = text);
const count = (id) => () => say(id, Number($(id).textContent) + 1);

let socket;
new Connection($("socket"), (connection) => {
  const mine = new WebSocket("/ws");
  const tick = count("socket-ticks");
  mine.onopen = () => connection.opened();
  mine.onmessage = ({ data }) => (data === "tick" ? tick() : say("echo-answer", data));
  mine.onclose = ({ code, reason }) => {
    connection.closed(reason || `code ${code}`);
    if (code === SESSION_ENDED) over(reason);
  };
  socket = mine;
  return () => mine.close(1000);
});

new Connection($("events"), events("/events", { tick: count("events-ticks") }, over));

function onSubmit(id, work) {
  $(id).addEventListener("submit", (event) => {
    event.preventDefault();
    work();
  });
}

async function api(path, options) {
  const headers = { accept: "application/json" };
  try {
    const response = await fetch(path, { ...options, headers });
    return { ok: response.ok, ...(await response.json()) };
  } catch {
    return { ok: false, error: "the server does not answer" };
  }
}

async function showRights() {
  const { permissions } = await api("/api/perms");
  if (permissions) say("rights-list", permissions.join(", "));
}

onSubmit("echo", () => {
  if (socket.readyState === WebSocket.OPEN) socket.send($("echo-text").value || "Hello");
});

onSubmit("scratch", async () => {
  const { ok, path, error, reason } = await api("/api/scratch", { method: "POST", body: $("scratch-text").value });
  say("scratch-answer", ok ? `Saved as ${path}` : `Not saved: ${error ?? reason}`);
});

onSubmit("grant", async () => {
  const { ok, seconds, error, reason } = await api("/api/grant", { method: "POST" });
  say("grant-answer", ok ? `Granted for ${seconds} seconds.` : `Not granted: ${error ?? reason}`);
  await showRights();
});

showRights();
