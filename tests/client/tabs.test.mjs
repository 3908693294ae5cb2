import assert from "node:assert/strict";
import test from "node:test";
import { World, settle } from "./world.mjs";

// With and without BroadcastChannel: then a storage event reaches the other tabs.
const ways = {
  BroadcastChannel: {},
  "storage events": { without: ["BroadcastChannel"] },
};
const pair = async (way, options = {}) => {
  const world = new World(options);
  const tabs = [];
  for (let i = 0; i < 2; i++) {
    tabs.push(await world.open({ ...way, attributes: { ...options.attributes } }));
    await world.advance(5);
  }
  return { world, tabs };
};

for (const [name, way] of Object.entries(ways)) {
  // R-7-6
  test(`${name}: an ending reaches the other tab, which needs no server for it`, async () => {
    const { world, tabs } = await pair(way);
    const [first, second] = tabs;
    const ended = [];
    second.adjourn.on("ended", (detail) => ended.push([detail.reason, detail.confirmed]));
    second.session.set("step", "2");
    world.endNow("forced");
    first.fire("focus");
    await settle();
    assert.ok(second.hidden);
    await world.advance(3);
    assert.deepEqual([...second.session], []);
    assert.deepEqual(second.went, ["/session/signed-out?reason=forced"]);
    assert.deepEqual(ended, [["forced", true]]);
    assert.equal(world.asked(), 3, "two at the start, one at the focus");
    assert.deepEqual([...world.disk.local], [], "no message is left behind");
  });

  test(`${name}: a page that is new hears it as soon`, async () => {
    const world = new World();
    const first = await world.open(way);
    await world.advance(5);
    // Its first question was asked before the ending, and is answered after it; or it is answered before,
    // and the tab has heard meanwhile that there is news.
    const late = await world.open({ ...way, lag: true });
    const early = await world.open(way);
    world.endNow("forced");
    first.fire("focus");
    await settle();
    assert.ok(early.hidden, "it has asked a moment ago, and asks again");
    late.lag = false;
    late.release();
    await settle();
    assert.ok(late.hidden, "what it heard while it asked is not forgotten");
    await world.advance(1);
    for (const tab of [first, early, late]) assert.equal(tab.went.length, 1);
  });

  test(`${name}: a log-out hides the other tab before it is answered`, async () => {
    for (const outcome of ["done", "never sent", "overtaken"]) {
      const { world, tabs } = await pair(way);
      const [first, second] = tabs;
      first.lag = true;
      const { endNow } = world;
      // The tab is closed, and the request with it.
      if (outcome === "never sent") world.endNow = () => {};
      first.adjourn.end();
      await settle();
      assert.ok(second.hidden, `${outcome}: at once`);
      assert.deepEqual(second.went, [], "it goes on only when the end is certain");
      assert.ok(world.disk.local.size === 0, "no message is left behind");
      if (outcome === "done") {
        first.lag = false;
        first.release();
      } else first.frozen = true;
      world.endNow = endNow;
      await world.advance(6);
      const over = outcome !== "never sent";
      assert.equal(second.hidden, over, outcome);
      const reason = outcome === "never sent" ? [] : ["/session/signed-out?reason=logout"];
      assert.deepEqual(second.went, reason, outcome);
    }
  });

  test(`${name}: a log-out that failed is told as one`, async () => {
    const { world, tabs } = await pair(way, { attributes: { exit: "/bye" } });
    world.mode = "down";
    tabs[0].adjourn.end();
    await world.advance(4);
    for (const tab of tabs) assert.deepEqual(tab.went, ["/session/signed-out"]);
  });

  test(`${name}: an extension closes the warning of the other tab`, async () => {
    const { world, tabs } = await pair(way);
    const [first, second] = tabs;
    let extended = 0;
    second.adjourn.on("extended", () => extended++);
    await world.advance(850);
    assert.ok(first.dialog && second.dialog);
    first.part("stay").click();
    await settle();
    assert.equal(second.dialog, undefined);
    assert.equal(second.adjourn.left, 900);
    assert.equal(extended, 1);
    assert.equal(world.asked("extend"), 1);
  });

  test(`${name}: tabs share what one of them heard, so that they do not all ask`, async () => {
    const { world } = await pair(way);
    await world.advance(600);
    assert.ok(world.asked() <= 16, `${world.asked()}`);
  });

  test(`${name}: a log-in as somebody else loads the other tab anew, hidden, and clears nothing`, async () => {
    const { world, tabs: [first] } = await pair(way);
    let logins = 0;
    first.adjourn.on("login", () => logins++);
    world.disk.local.set("of the new user", "1");
    world.logIn({ subject: "bob-key" });
    await world.open(way);
    await world.advance(3);
    // Not reloaded: that would send the form once more whose answer this page may be.
    assert.deepEqual([first.went, first.reloaded], [["/account"], 0]);
    assert.ok(first.hidden);
    assert.equal(logins, 1);
    assert.ok(world.disk.local.has("of the new user"));
  });
}

test("what comes in a burst is asked three times, then once in two seconds", async () => {
  const world = new World();
  const tab = await world.open();
  for (let i = 0; i < 100; i++) {
    tab.fire("focus");
    await world.advance(0.1);
  }
  assert.ok(world.asked() <= 8, `${world.asked()}`);
});

test("a log-in again as the same user keeps the page, with the new deadline", async () => {
  const world = new World();
  const tab = await world.open();
  await world.advance(850);
  assert.ok(tab.dialog);
  world.logIn();
  await world.open();
  await world.advance(3);
  assert.deepEqual([tab.reloaded, tab.hidden, tab.dialog], [0, false, undefined]);
  assert.ok(tab.adjourn.left > 890);
});

test("a public page is told of a log-in", async () => {
  const world = new World();
  const session = world.session;
  world.session = undefined;
  const page = await world.open({ path: "/login", attributes: { public: "" } });
  let logins = 0;
  page.adjourn.on("login", () => logins++);
  await world.advance(30);
  world.session = session;
  await world.open();
  await world.advance(3);
  assert.equal(logins, 1);
});

test("news of an old session do not end a new one", async () => {
  const world = new World();
  const tab = await world.open();
  await world.advance(5);
  const [channel] = world.channels;
  const at = () => tab.window.Date.now() / 1e3;
  channel.onmessage({ data: { over: true, at: at(), session_id: "another", reason: "logout", exit: "/x" } });
  await world.advance(3);
  assert.deepEqual([tab.hidden, tab.went], [false, []]);
  assert.equal(world.asked(), 2, "a reason to ask, no more");
});

test("what another tab guessed ends no session whose deadline has not come", async () => {
  const { world, tabs } = await pair({});
  const [stale, extended] = tabs;
  await stale.freeze();
  await world.advance(600);
  assert.equal(await extended.adjourn.extend(), true);
  await world.advance(400);
  world.mode = "down";
  await stale.thaw();
  await world.advance(30);
  assert.equal(stale.went.length, 1, "its own deadline is over");
  assert.ok(!extended.hidden && extended.went.length === 0);
  world.mode = "ok";
  await world.advance(60);
  assert.equal(extended.went.length, 0);
});

test("a frozen tab that hears late asks before it believes", async () => {
  const world = new World();
  const tab = await world.open();
  const [channel] = world.channels;
  const said = { over: true, at: tab.window.Date.now() / 1e3, session_id: world.session.id, exit: "/x" };
  await world.advance(30);
  channel.onmessage({ data: said });
  await world.advance(3);
  assert.deepEqual([tab.hidden, tab.went], [false, []]);
  assert.equal(world.asked(), 2);
});

const foreign = (at, id) => [
  null,
  undefined,
  7,
  "hello",
  [],
  {},
  { over: true },
  { over: true, at, reason: "forced", exit: "/x" },
  { over: true, session_id: id },
  { over: true, session_id: id, at: "now" },
  { over: true, session_id: id, at: null },
  { ending: true },
  { ending: true, at, reason: "logout" },
  { ending: true, session_id: id },
  { ending: true, session_id: "another", at },
  { state: "live", at, absolute_seconds_left: 1, idle_seconds_left: 1 },
  { state: "live", at, session_id: id },
  { state: "live", at, session_id: id, idle_seconds_left: 1, absolute_seconds_left: "soon" },
];

for (const known of [true, false]) {
  const page = known ? "a page with a session" : "a page that knows of none yet";
  // Of an older version of the site, of another script that uses the name, or cut off.
  test(`${page}: what is no message, ends and changes nothing`, async () => {
    const world = new World();
    if (!known) world.mode = "down";
    const tab = await world.open();
    await world.advance(30);
    let heard = 0;
    for (const name of ["ended", "login", "extended", "warning"]) tab.adjourn.on(name, () => heard++);
    const left = tab.adjourn.left;
    const [channel] = world.channels;
    for (const said of foreign(tab.window.Date.now() / 1e3, world.session.id)) {
      channel.onmessage({ data: said });
      await settle();
      const what = JSON.stringify(said);
      assert.deepEqual([tab.hidden, tab.went, tab.reloaded, heard, tab.adjourn.left], [false, [], 0, 0, left], what);
    }
    for (const newValue of ["", "{", "null", "hello", '{"over":true}', "[]"]) {
      tab.fire("storage", { key: "/session/", newValue });
      await settle();
      assert.deepEqual([tab.hidden, tab.went, heard], [false, [], 0], newValue);
    }
    assert.ok(world.asked() < (known ? 6 : 12), `a reason to ask, at most: ${world.asked()}`);
    world.mode = "ok";
    await world.advance(30);
    assert.ok(tab.adjourn.left > 800, "and it goes on");
  });
}

test("a page that knows of no session does not take another's ending for its own", async () => {
  const world = new World();
  world.mode = "down";
  const [tab, other] = [await world.open(), await world.open()];
  other.adjourn.end();
  await world.advance(5);
  assert.equal(other.went.length, 1);
  assert.deepEqual([tab.hidden, tab.went], [false, []]);
  world.mode = "ok";
  world.endNow("logout");
  await world.advance(20);
  assert.equal(tab.went.length, 1, "the server's word counts");
});

test("applications below other prefixes are left alone", async () => {
  const world = new World();
  const tab = await world.open();
  const other = await world.open({ attributes: { endpoints: "/shop/session" }, path: "/session/" });
  tab.adjourn.end();
  await world.advance(3);
  assert.equal(world.log.filter((entry) => entry.path === "/shop/session/status").length > 0, true);
  assert.ok(!other.went.includes(tab.went[0]));
});
