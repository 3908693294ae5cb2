import assert from "node:assert/strict";
import test from "node:test";
import { World, html, json, settle } from "./world.mjs";

const fill = (world, tab) => {
  world.disk.local.set("draft", "secret").set("theme", "dark");
  tab.session.set("step", "2");
  world.disk.databases.add("mail").add("offline");
  world.disk.caches.add("pages").add("static-v1");
  world.disk.workers.add("/").add("/app/");
};
const nothing = (world, tab) => {
  assert.deepEqual([...world.disk.local], []);
  assert.deepEqual([...tab.session], []);
  for (const kind of ["databases", "caches", "workers"]) assert.deepEqual([...world.disk[kind]], [], kind);
};

// R-1-28
test("signing out hides the page at once, clears every storage, and leaves", async () => {
  const world = new World();
  const tab = await world.open();
  fill(world, tab);
  tab.adjourn.end();
  assert.ok(tab.hidden, "at once");
  await world.advance(3);
  nothing(world, tab);
  assert.deepEqual(tab.went, ["/session/signed-out?reason=logout"]);
  assert.equal(world.reason, "logout");
});

// R-1-28
test("clears and leaves also when the server cannot be reached, and does not say that it ended", async () => {
  for (const mode of ["down", "500", "html", "html401", "503", "refuse"]) {
    const world = new World();
    const tab = await world.open({ attributes: { exit: "/bye" } });
    fill(world, tab);
    const ended = [];
    tab.adjourn.on("ended", (detail) => ended.push(detail));
    world.mode = mode;
    tab.adjourn.end();
    await world.advance(3);
    nothing(world, tab);
    assert.deepEqual(tab.went, ["/session/signed-out"], `${mode}: the page that says what is true`);
    assert.deepEqual([ended.length, ended[0].confirmed], [1, false], mode);
  }
});

// R-1-28
test("the deadline clears without the server, after it was asked in vain", async () => {
  const world = new World();
  const tab = await world.open();
  fill(world, tab);
  const ended = [];
  tab.adjourn.on("ended", (detail) => ended.push(detail));
  await world.advance(890);
  world.mode = "down";
  await world.advance(10.5);
  assert.ok(tab.hidden, "at the deadline");
  assert.deepEqual(tab.went, []);
  await world.advance(25);
  nothing(world, tab);
  assert.deepEqual(tab.went, ["/bye/idle"]);
  assert.deepEqual([ended[0].reason, ended[0].confirmed], ["idle-timeout", false]);
});

test("a dead session is met on each occasion", async () => {
  const occasions = {
    focus: (tab) => tab.fire("focus"),
    online: (tab) => tab.fire("online"),
    visibilitychange: (tab) => tab.fire("visibilitychange"),
    "storage cleared": (tab) => tab.fire("storage", { key: null }),
    poll: (tab) => tab.world.advance(80),
    "adjourn.fetch": (tab) => tab.adjourn.fetch("/api/me"),
    "a registered socket": (tab) => {
      const socket = Object.assign(new EventTarget(), { readyState: 3, close() {} });
      tab.adjourn.register(socket);
      socket.dispatchEvent(new Event("close"));
    },
  };
  for (const [name, occasion] of Object.entries(occasions)) {
    const world = new World();
    const tab = await world.open();
    await world.advance(5);
    fill(world, tab);
    world.endNow("forced");
    await occasion(tab);
    await settle();
    assert.ok(tab.hidden, name);
    await world.advance(3);
    nothing(world, tab);
    assert.deepEqual(tab.went, ["/session/signed-out?reason=forced"], name);
  }
});

// R-7-5
test("a page in the back/forward cache is hidden before anybody sees it again", async () => {
  const world = new World();
  const tab = await world.open();
  await tab.freeze();
  assert.ok(tab.hidden);
  world.endNow("forced");
  await tab.thaw();
  assert.ok(tab.hidden);
  await world.advance(3);
  assert.deepEqual(tab.went, ["/session/signed-out?reason=forced"]);
});

// R-7-5
test("it is shown again only when the server says that the session lives", async () => {
  const world = new World();
  const tab = await world.open();
  await tab.freeze();
  world.mode = "down";
  await tab.thaw();
  await world.advance(100);
  assert.ok(tab.hidden, "nothing is known");
  assert.deepEqual(tab.went, []);
  world.mode = "ok";
  tab.fire("online");
  await world.advance(5);
  assert.equal(tab.hidden, false);
});

// R-7-5
test("a page that heard nothing yet is hidden as well, and loaded anew when the server knows of a session", async () => {
  for (const [what, options, hidden] of [
    ["a page of a session", { path: "/account?tab=2#top" }, true],
    ["a public page", { attributes: { public: "" } }, false],
  ]) {
    for (const subject of ["alice-key", "bob-key"]) {
      const world = new World();
      world.mode = "down";
      const tab = await world.open(options);
      world.disk.local.set("draft", "secret");
      await tab.freeze();
      assert.equal(tab.hidden, hidden, what);
      world.endNow("logout");
      world.logIn({ subject });
      await tab.thaw();
      await world.advance(30);
      assert.equal(tab.hidden, hidden, `${what}: nothing is known`);
      assert.deepEqual(tab.went, []);
      world.mode = "ok";
      await world.advance(60);
      // Whose page it is, nobody can tell: it is never shown again, and asked for once more.
      assert.equal(tab.hidden, hidden, `${what} ${subject}`);
      assert.deepEqual([tab.went, tab.reloaded], [hidden ? ["/account?tab=2"] : [], 0], what);
    }
  }
  for (const [path, went] of [["/account", ["/session/signed-out?reason=forced"]], ["/session/signed-out", []]]) {
    const world = new World();
    world.mode = "down";
    const tab = await world.open({ path });
    await tab.freeze();
    world.endNow("forced");
    world.mode = "ok";
    await tab.thaw();
    await world.advance(5);
    assert.deepEqual([tab.went, tab.hidden], [went, path === "/account"], path);
  }
});

// R-7-5
test("an answer from before the page was put away does not show it again", async () => {
  const world = new World();
  const tab = await world.open();
  await world.advance(5);
  tab.lag = true;
  tab.fire("focus");
  await settle();
  await tab.freeze();
  world.endNow("forced");
  tab.lag = false;
  const shown = [];
  const { setProperty } = tab.root.style;
  tab.root.style.setProperty = (key, value, priority) => (shown.push(value), setProperty(key, value, priority));
  const thawed = tab.thaw();
  tab.release();
  await thawed;
  await world.advance(3);
  assert.ok(!shown.includes(""), "never shown");
  assert.deepEqual(tab.went, ["/session/signed-out?reason=forced"]);
});

test("a page that was left in the middle of its ending goes on with it", async () => {
  const world = new World();
  const tab = await world.open();
  tab.adjourn.end();
  await world.advance(3);
  await tab.freeze();
  await tab.thaw();
  assert.equal(tab.went.length, 2);
  assert.ok(tab.hidden);
});

test("a page that comes back before the answer to its log-out waits for it", async () => {
  const world = new World();
  const tab = await world.open();
  tab.lag = true;
  tab.adjourn.end();
  await settle();
  await tab.freeze();
  await tab.thaw();
  assert.ok(tab.hidden);
  assert.deepEqual(tab.went, [], "nobody knows yet where to");
  tab.lag = false;
  tab.release();
  await world.advance(3);
  assert.deepEqual(tab.went, ["/session/signed-out?reason=logout"]);
});

test("a proxy that redirects the log-out has confirmed nothing", async () => {
  const world = new World();
  const tab = await world.open();
  const confirmed = [];
  tab.adjourn.on("ended", (detail) => confirmed.push(detail.confirmed));
  world.mode = "redirect";
  tab.adjourn.end();
  await world.advance(3);
  assert.deepEqual(confirmed, [false]);
  assert.deepEqual(tab.went, ["/session/signed-out"], "the page that says what is true");
});

test("a machine that slept past the deadline wakes into the exit page", async () => {
  const world = new World();
  const tab = await world.open();
  await world.advance(30);
  world.asleep(3600);
  await world.advance(11);
  assert.ok(tab.hidden);
  assert.deepEqual(tab.went, ["/bye/idle"]);
});

test("a machine that wakes without a network is hidden, cleared, and leaves", async () => {
  const world = new World();
  const tab = await world.open();
  fill(world, tab);
  world.asleep(3600);
  world.mode = "down";
  tab.fire("visibilitychange");
  assert.ok(tab.hidden);
  await world.advance(25);
  nothing(world, tab);
  assert.deepEqual(tab.went, ["/bye/idle"]);
});

test("a keep-list that is a list has names with blanks and commas", async () => {
  const world = new World();
  const tab = await world.open();
  tab.adjourn.start({ keep: ["database:my db", "local:a, b"] });
  fill(world, tab);
  world.disk.databases.add("my db").add("my");
  world.disk.local.set("a, b", "1").set("a", "1");
  tab.adjourn.end();
  await world.advance(3);
  assert.deepEqual([...world.disk.databases], ["my db"]);
  assert.deepEqual([...world.disk.local.keys()], ["a, b"]);
});

test("keep-lists name what stays, each kind for itself", async () => {
  for (const keep of ["local:theme cache:static-v1, database:offline\nworker:/app/", undefined]) {
    const world = new World();
    const list = ["local:theme", "cache:static-v1", "database:offline", "worker:/app/"];
    const tab = await world.open(keep ? { attributes: { keep } } : {});
    if (!keep) tab.adjourn.start({ keep: list });
    fill(world, tab);
    tab.session.set("theme", "of the session");
    tab.adjourn.end();
    await world.advance(3);
    assert.deepEqual([...world.disk.local], [["theme", "dark"]]);
    assert.deepEqual([...tab.session], []);
    assert.deepEqual([...world.disk.databases], ["offline"]);
    assert.deepEqual([...world.disk.caches], ["static-v1"]);
    assert.deepEqual([...world.disk.workers], ["/app/"]);
  }
});

test("keys that are called like what a storage has, are cleared, kept, and break nothing", async () => {
  const names = ["length", "key", "getItem", "setItem", "removeItem", "clear", "toString", "constructor", "__proto__", "0", ""];
  const world = new World();
  const tab = await world.open({ attributes: { keep: "local:key session:__proto__" } });
  for (const name of names) {
    world.disk.local.set(name, "secret");
    tab.session.set(name, "secret");
  }
  world.disk.local.set("draft", "secret");
  tab.adjourn.end();
  await world.advance(3);
  assert.deepEqual([[...world.disk.local.keys()], [...tab.session.keys()]], [["key"], ["__proto__"]]);
});

test("registered sockets are closed", async () => {
  const world = new World();
  const tab = await world.open();
  const sockets = [1, 2, 3].map(() =>
    Object.assign(new EventTarget(), {
      readyState: 1,
      close() {
        this.readyState = 3;
      },
    }),
  );
  sockets[0].close = () => {
    throw new Error("broken");
  };
  for (const socket of sockets) assert.equal(tab.adjourn.register(socket), socket);
  tab.adjourn.end();
  assert.deepEqual(sockets.map((socket) => socket.readyState), [1, 3, 3]);
});

test("a socket that fails again and again makes no storm of requests", async () => {
  const world = new World();
  const tab = await world.open();
  const source = tab.adjourn.register(Object.assign(new EventTarget(), { readyState: 0, close() {} }));
  for (const mode of ["ok", "down"]) {
    world.mode = mode;
    const before = world.asked();
    for (let i = 0; i < 600; i++) {
      source.dispatchEvent(new Event("error"));
      await world.advance(0.1);
    }
    assert.ok(world.asked() - before <= (mode === "ok" ? 31 : 12), `${mode}: ${world.asked() - before}`);
  }
});

test("what hangs does not keep the page", async () => {
  const world = new World();
  const tab = await world.open({ stuck: true });
  world.disk.databases.add("mail");
  tab.adjourn.on("ended", (detail) => detail.waitUntil(new Promise(() => {})));
  tab.adjourn.end();
  await world.advance(2.1);
  assert.deepEqual(tab.went, ["/session/signed-out?reason=logout"]);
});

test("handlers learn why, may take a moment, and cannot stop it", async () => {
  const world = new World();
  const tab = await world.open();
  const heard = [];
  let saved;
  tab.adjourn.on("ended", () => {
    throw new Error("of the site");
  });
  tab.adjourn.on("ended", (detail) => {
    heard.push([detail.reason, detail.confirmed, detail.exit]);
    detail.waitUntil(new Promise((done) => (saved = done)));
  });
  const off = tab.adjourn.on("ended", () => heard.push("off"));
  off();
  world.endNow("superseded");
  tab.fire("focus");
  await world.advance(2.5);
  assert.deepEqual(heard, [["superseded", true, "/session/signed-out?reason=superseded"]]);
  saved();
  await settle();
  assert.equal(tab.errors.length, 1);
  assert.deepEqual(tab.went, ["/session/signed-out?reason=superseded"]);
});

test("nobody is asked whether to leave the page", async () => {
  const world = new World();
  const tab = await world.open();
  const asked = [];
  tab.window.addEventListener("beforeunload", () => asked.push(1));
  tab.fire("beforeunload");
  assert.deepEqual(asked, [1], "only during an ending");
  tab.adjourn.end();
  tab.fire("beforeunload");
  assert.deepEqual(asked, [1]);
});

test("a form that is marked ends by the script, with its fields", async () => {
  const world = new World();
  const tab = await world.open();
  const form = {
    matches: (selector) => selector === "[data-adjourn-end]",
    getAttribute: (name) => (name === "action" ? "/logout" : null),
    action: { an: "input of this name" },
    fields: [["csrf", "t0ken"]],
  };
  const event = tab.fire("submit", { target: form });
  assert.ok(event.defaultPrevented);
  await world.advance(3);
  const { path, method, init } = world.log.at(-1);
  assert.deepEqual([path, method, String(init.body), init.keepalive], ["/logout", "POST", "csrf=t0ken", true]);
  assert.deepEqual(tab.went, ["/session/signed-out?reason=logout"]);
  const other = tab.fire("submit", { target: { matches: () => false } });
  assert.ok(!other.defaultPrevented);
});

test("a marked form that the page itself cancels ends nothing", async () => {
  const world = new World();
  const tab = await world.open();
  const ended = [];
  tab.adjourn.on("ended", (detail) => ended.push(detail));
  tab.fire("submit", { target: logOutForm() }, (event) => event.preventDefault());
  await world.advance(3);
  assert.deepEqual([tab.hidden, ended, tab.went, world.reason], [false, [], [], undefined]);
  tab.fire("submit", { target: logOutForm() });
  await world.advance(3);
  assert.equal(ended.length, 1);
});

test("a marked form goes where and as the browser would send it", async () => {
  const attributes = (values) => ({ getAttribute: (name) => values[name] ?? null });
  const here = "/account";
  for (const [form, submitter, path, body] of [
    [{ action: "/logout" }, null, "/logout", "csrf=t0ken"],
    [{ action: "/logout" }, { name: "all", value: "1" }, "/logout", "csrf=t0ken&all=1"],
    [{ action: "/logout" }, { formaction: "/logout/all", name: "", value: "" }, "/logout/all", "csrf=t0ken"],
    [{ action: "/logout" }, { formaction: "" }, here, "csrf=t0ken"],
    [{ action: "" }, null, here, "csrf=t0ken"],
    [{}, {}, here, "csrf=t0ken"],
  ]) {
    const world = new World();
    const tab = await world.open({ path: here });
    const target = { ...logOutForm(), ...attributes(form), fields: [["csrf", "t0ken"]] };
    tab.fire("submit", { target, submitter: submitter && { ...submitter, ...attributes(submitter) } });
    await settle();
    const sent = world.log.find((entry) => entry.method === "POST");
    assert.deepEqual([sent.path, String(sent.init.body)], [path, body]);
  }
});

test("a display of the site's own comes back, and is not touched while nothing is hidden", async () => {
  for (const own of [undefined, "flex"]) {
    const world = new World();
    const set = [];
    const tab = await world.open({
      prepare: ({ document }) => {
        const { style, styles } = document.documentElement;
        if (own) styles.set("display", own);
        const { setProperty } = style;
        style.setProperty = (...values) => (set.push(values), setProperty(...values));
      },
    });
    await world.advance(100);
    assert.deepEqual(set, []);
    for (let round = 0; round < 2; round++) {
      await tab.freeze();
      // Hidden already, and once more.
      await tab.freeze();
      assert.ok(tab.hidden);
      await tab.thaw();
      await world.advance(3);
      assert.equal(tab.root.styles.get("display"), own);
    }
  }
});

const logOutForm = () => ({
  matches: (selector) => selector === "[data-adjourn-end]",
  getAttribute: (name) => (name === "action" ? "/logout" : null),
  fields: [],
});
const answers = {
  "204": () => new Response(null, { status: 204 }),
  "a page": () => html(200, "<h1>Bye</h1>"),
  "the log-in page": () => html(401, "<h1>Log in</h1>"),
  "its own JSON": () => json(200, { ok: true }),
  "JSON that is no object": () => json(200, null),
  "an error of what comes after": () => html(500, "<h1>Internal Server Error</h1>"),
};
for (const [what, answer] of Object.entries(answers)) {
  // R-1-28
  test(`the site's own log-out answers ${what}: the status tells whether it is done`, async () => {
    for (const refuses of [false, true]) {
      const world = new World();
      const tab = await world.open({ attributes: { exit: "/bye" } });
      const confirmed = [];
      tab.adjourn.on("ended", (detail) => confirmed.push([detail.reason, detail.confirmed]));
      const before = world.asked();
      world.handler = { answer, refuses };
      tab.fire("submit", { target: logOutForm() });
      await world.advance(3);
      assert.deepEqual(confirmed, [["logout", !refuses]]);
      assert.deepEqual(tab.went, [refuses ? "/session/signed-out" : "/bye"]);
      assert.equal(world.asked() - before, 1, "once");
    }
  });
}

test("a log-out of what had ended already is done, and has a reason", async () => {
  const world = new World();
  const tab = await world.open();
  world.handler = { answer: () => json(200, { ended: false, reason: null }) };
  tab.fire("submit", { target: logOutForm() });
  await world.advance(3);
  assert.deepEqual(tab.went, ["/session/signed-out?reason=logout"]);
});

// R-6-10
test("requests carry the cookie of this site, meet no cache and follow no redirect", async () => {
  const world = new World();
  const tab = await world.open();
  await tab.adjourn.extend();
  tab.adjourn.end();
  await settle();
  assert.deepEqual(
    world.log.map(({ path, init }) => [path, init.credentials, init.cache, init.redirect]),
    [
      ["/session/status", "same-origin", "no-store", "error"],
      ["/session/extend", "same-origin", "no-store", "error"],
      ["/session/end", "same-origin", "no-store", "manual"],
    ],
  );
});

test("adjourn.fetch is fetch, and a 401 is checked before it ends anything", async () => {
  const world = new World();
  const tab = await world.open();
  tab.window.fetch = tab.adjourn.fetch;
  const fine = await tab.adjourn.fetch("/api/me");
  assert.deepEqual(await fine.json(), { data: 1 });
  assert.equal(world.asked(), 1);
  const stale = await tab.adjourn.fetch("/api/fresh", { method: "POST" });
  assert.equal(stale.status, 401);
  assert.equal(world.asked(), 2);
  assert.equal(tab.hidden, false, "only a fresh log-in is wanted");
  const foreign = await tab.adjourn.fetch("https://other.example/api");
  assert.equal(foreign.status, 401);
  assert.equal(world.asked(), 2, "not our business");
  world.endNow("forced");
  const dead = await tab.adjourn.fetch("/api/me");
  assert.equal(dead.status, 401);
  assert.ok(tab.hidden);
});

test("adjourn.fetch does not rely on an answer that may be older than its 401", async () => {
  const world = new World();
  const tab = await world.open();
  await world.advance(5);
  tab.lag = true;
  tab.fire("focus");
  await settle();
  // The status is on its way, and says that the session lives.
  tab.lag = false;
  world.endNow("forced");
  const calls = [1, 2, 3].map(() => tab.adjourn.fetch("/api/me"));
  await settle();
  tab.release();
  for (const call of calls) assert.equal((await call).status, 401);
  assert.ok(tab.hidden);
  assert.equal(world.asked(), 3, "once for all of them");
});

test("the exit page is a path of this site, whoever names it", async () => {
  const hostile = ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example", " /x", "", "\\/x", "/x\n", 7, null];
  for (const exit of hostile) {
    for (const where of ["server", "attribute", "other tab"]) {
      const world = new World();
      world.exits = { default: exit, "idle-timeout": exit };
      const tab = await world.open({ attributes: where === "attribute" ? { exit } : {} });
      if (where === "server") {
        world.hostileExit = exit;
        world.endNow("forced");
        tab.fire("online");
        await world.advance(5);
      } else if (where === "other tab") {
        const { id } = world.session;
        for (const channel of world.channels) {
          channel.onmessage({ data: { over: true, at: tab.window.Date.now() / 1e3, session_id: id, exit, failed: exit } });
        }
      } else tab.adjourn.end();
      await world.advance(5);
      const reason = where === "server" ? "forced" : "logout";
      assert.deepEqual(tab.went, [`/session/signed-out?reason=${reason}`], `${where}: ${JSON.stringify(exit)}`);
    }
  }
});

test("the exit page: what the page says, else the server, by the reason", async () => {
  for (const [attributes, reason, exit] of [
    [{}, "idle-timeout", "/bye/idle"],
    [{}, "forced", "/session/signed-out?reason=forced"],
    [{ exit: "/own?x=1#y" }, "idle-timeout", "/own?x=1#y"],
  ]) {
    const world = new World();
    const tab = await world.open({ attributes });
    world.endNow(reason);
    tab.fire("focus");
    await world.advance(5);
    assert.deepEqual(tab.went, [exit]);
  }
});

// R-8-11
test("a timeout: the page that may be returned to is asked for once more, and no other", async () => {
  const bye = "/bye/idle";
  for (const [what, options, expected] of [
    ["a page", {}, "/account?tab=2"],
    ["with a fragment", { path: "/account?tab=2#top" }, "/account?tab=2"],
    ["without the server's word", { timing: [] }, bye],
    ["with another's word", { timing: ["cache", "adjourn"] }, bye],
    ["a browser that does not pass the word on", { timing: undefined }, bye],
    ["a page that names its exit", { attributes: { exit: "/own" } }, "/own"],
    ["what is no path of this site", { path: "//evil.example/account" }, bye],
  ]) {
    const world = new World({ returns: true });
    const tab = await world.open({ path: "/account?tab=2", timing: ["adjourn-return"], ...options });
    await world.advance(905);
    assert.deepEqual(tab.went, [expected], what);
    assert.ok(tab.hidden);
  }
});

// R-8-11
test("only a timeout that the server confirmed asks for the page once more", async () => {
  for (const [how, exit] of [
    ["forced", "/session/signed-out?reason=forced"],
    ["log-out", "/session/signed-out?reason=logout"],
    ["off", "/bye/idle"],
    ["unreachable", "/bye/idle"],
  ]) {
    const world = new World({ returns: how !== "off" });
    const tab = await world.open({ timing: ["adjourn-return"] });
    if (how === "forced") world.endNow("forced");
    if (how === "log-out") tab.adjourn.end();
    if (how === "unreachable") {
      await world.advance(890);
      world.mode = "down";
    }
    await world.advance(950);
    assert.deepEqual(tab.went, [exit], how);
  }
});

test("of several pages one is asked for once more: the one that is seen", async () => {
  const world = new World({ returns: true });
  const tabs = [];
  for (const path of ["/hidden", "/seen", "/hidden/too"]) {
    const tab = await world.open({ path, timing: ["adjourn-return"] });
    tab.document.hidden = path !== "/seen";
    tabs.push(tab);
  }
  await world.advance(900.4);
  assert.deepEqual(tabs.map((tab) => tab.went), [[], ["/seen"], []], "first, and the others are");
  assert.ok(tabs.every((tab) => tab.hidden), "hidden meanwhile");
  await world.advance(1.5);
  assert.deepEqual(tabs.flatMap((tab) => tab.went), ["/bye/idle", "/seen", "/bye/idle"]);
});

test("pages of which none is seen leave as well", async () => {
  const world = new World({ returns: true });
  const tabs = [await world.open({ timing: ["adjourn-return"] }), await world.open({ path: "/other" })];
  for (const tab of tabs) tab.document.hidden = true;
  await world.advance(903);
  for (const tab of tabs) assert.equal(tab.went.length, 1);
});

test("a frame: the page around it is the one to return to", async () => {
  const world = new World({ returns: true });
  const outer = await world.open({ path: "/outer", timing: ["adjourn-return"] });
  const frame = await world.open({ path: "/inner", timing: [], globals: { top: outer.window } });
  outer.document.hidden = true;
  await world.advance(901);
  assert.deepEqual([outer.went[0], frame.went], ["/outer", []]);
});

test("on the exit page itself there is no loop", async () => {
  const world = new World();
  world.endNow("idle-timeout");
  const tab = await world.open({ path: "/bye/idle?x=1" });
  await world.advance(300);
  assert.deepEqual([tab.went, tab.reloaded, tab.hidden], [[], 0, false]);
  assert.equal(world.asked(), 1);

  const own = new World();
  own.exits.default = "/";
  const home = await own.open({ path: "/" });
  own.endNow("forced");
  home.fire("focus");
  await own.advance(5);
  assert.deepEqual(home.went, ["/"], "loaded anew: it still showed who was logged in");
});

test("a page without a session leaves, unless it says that it is public", async () => {
  const world = new World();
  world.session = undefined;
  const tab = await world.open();
  await world.advance(3);
  assert.deepEqual(tab.went, ["/session/signed-out?reason=no-session"]);
  const login = await world.open({ path: "/login", attributes: { public: "" } });
  world.disk.local.set("cart", "1");
  await world.advance(600);
  assert.deepEqual([login.went, login.hidden], [[], false]);
  assert.deepEqual([...world.disk.local.keys()], ["cart"]);
  assert.equal(world.asked(), 2, "and does not ask again and again");
});
