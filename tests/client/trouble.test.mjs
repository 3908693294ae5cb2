import assert from "node:assert/strict";
import test from "node:test";
import { ORIGIN, SCRIPT, World, at, settle } from "./world.mjs";

const throwing = (...names) =>
  Object.defineProperties(
    {},
    Object.fromEntries(
      names.map((name) => [
        name,
        {
          configurable: true,
          enumerable: true,
          get() {
            throw new Error("SecurityError");
          },
        },
      ]),
    ),
  );

test("storage that throws stops neither the other steps nor the exit", async () => {
  const kinds = ["localStorage", "sessionStorage", "indexedDB", "caches"];
  for (const broken of [...kinds.map((kind) => [kind]), kinds]) {
    const world = new World();
    const tab = await world.open({ globals: throwing(...broken) });
    world.disk.local.set("draft", "1");
    world.disk.databases.add("mail");
    world.disk.caches.add("pages");
    world.disk.workers.add("/");
    tab.session.set("step", "2");
    tab.adjourn.end();
    await world.advance(3);
    assert.deepEqual(tab.went, ["/session/signed-out?reason=logout"], `${broken}`);
    assert.equal(world.disk.local.size, broken.includes("localStorage") ? 1 : 0);
    assert.equal(tab.session.size, broken.includes("sessionStorage") ? 1 : 0);
    assert.equal(world.disk.databases.size, broken.includes("indexedDB") ? 1 : 0);
    assert.equal(world.disk.caches.size, broken.includes("caches") ? 1 : 0);
    assert.equal(world.disk.workers.size, 0);
  }
});

test("one item that cannot be removed does not save the others", async () => {
  const world = new World();
  const tab = await world.open();
  for (const key of ["a", "b", "c"]) world.disk.local.set(key, "1");
  const { removeItem } = tab.window.localStorage;
  tab.window.localStorage.removeItem = (key) => {
    if (key === "b") throw new Error("broken");
    return removeItem(key);
  };
  tab.adjourn.end();
  await world.advance(3);
  assert.deepEqual([...world.disk.local.keys()], ["b"]);
  assert.deepEqual(tab.went, ["/session/signed-out?reason=logout"]);
});

test("a full storage and no BroadcastChannel: the tab works for itself", async () => {
  const world = new World();
  const quota = {
    setItem() {
      throw new Error("QuotaExceededError");
    },
  };
  for (const globals of [{ localStorage: quota }, throwing("localStorage")]) {
    const tab = await world.open({ without: ["BroadcastChannel"], globals });
    await world.advance(30);
    assert.ok(tab.adjourn.left > 0);
    assert.equal(tab.hidden, false);
  }
});

test("a BroadcastChannel that refuses, and browsers without workers, databases and caches", async () => {
  const world = new World();
  const refusing = class {
    constructor() {
      throw new Error("SecurityError");
    }
  };
  const tab = await world.open({
    globals: { BroadcastChannel: refusing, navigator: {}, AbortSignal: {} },
    without: ["indexedDB", "caches"],
  });
  tab.adjourn.end();
  await world.advance(3);
  assert.deepEqual(tab.went, ["/session/signed-out?reason=logout"]);
});

test("a browser that cannot show the dialog goes on counting", async () => {
  const world = new World();
  const tab = await world.open({ without: ["CSSStyleSheet"] });
  await world.advance(902);
  assert.deepEqual(tab.went, ["/bye/idle"]);
});

for (const mode of ["down", "500", "503", "html", "html401", "outdated"]) {
  test(`server ${mode}: no false log-out, no loop, retries that back off`, async () => {
    const world = new World({ idle: 7200 });
    const tab = await world.open();
    world.mode = mode;
    await world.advance(3600);
    assert.deepEqual([tab.hidden, tab.went, tab.reloaded], [false, [], 0]);
    const tries = world.log.filter((entry) => entry.mode === mode).map((entry) => entry.at);
    assert.ok(tries.length <= 26 && tries.length >= 10, `${tries.length} tries in an hour`);
    const gaps = tries.slice(1).map((at, i) => at - tries[i]);
    assert.ok(gaps[0] < 4 && gaps.at(-1) > 200, `${gaps}`);
    world.mode = "ok";
    world.session.seen = world.now;
    await world.advance(400);
    assert.ok(tab.adjourn.left > 6000, "and it recovers");
  });
}

for (const mode of ["down", "500", "503", "html", "html401", "outdated"]) {
  test(`server ${mode} from the start: the page goes on asking, and learns its deadline late`, async () => {
    const world = new World();
    world.mode = mode;
    const tab = await world.open();
    const heard = [];
    for (const name of ["ended", "login", "warning"]) tab.adjourn.on(name, () => heard.push(name));
    await world.advance(1800);
    // What it does not know, it neither ends nor shows.
    assert.deepEqual([tab.hidden, tab.went, tab.reloaded, heard, tab.adjourn.left], [false, [], 0, [], undefined]);
    const tries = world.log.map((entry) => entry.at);
    const gaps = tries.slice(1).map((at, i) => at - tries[i]);
    assert.ok(tries.length >= 8 && tries.length <= 20, `${tries.length} tries in half an hour`);
    assert.ok(gaps[0] < 4 && gaps.at(-1) > 200, `${gaps}`);
    world.mode = "ok";
    world.session.seen = world.now;
    await world.advance(400);
    assert.ok(tab.adjourn.left > 0, "learned");
    await world.advance(900);
    assert.deepEqual([heard, tab.went], [["warning", "ended"], ["/bye/idle"]]);
  });
}

test("a session that ended before the page heard of it is left as soon as the server says so", async () => {
  const world = new World();
  world.mode = "500";
  const tab = await world.open();
  world.disk.local.set("draft", "1");
  world.endNow("forced");
  await world.advance(60);
  assert.deepEqual(tab.went, []);
  world.mode = "ok";
  tab.fire("online");
  await world.advance(5);
  assert.deepEqual([tab.went, world.disk.local.size], [["/session/signed-out?reason=forced"], 0]);
});

test("retries are spread: two pages do not keep step", async () => {
  const world = new World({ idle: 7200 });
  const tabs = [await world.open({ without: ["BroadcastChannel"] }), await world.open({ without: ["BroadcastChannel"] })];
  world.mode = "down";
  await world.advance(600);
  const times = world.log.filter((entry) => entry.mode === "down").map((entry) => entry.at);
  assert.ok(new Set(times).size > times.length * 0.8);
  assert.equal(tabs.length, 2);
});

test("server down while warning: it says so, and the wish to stay is kept", async () => {
  const world = new World();
  const tab = await world.open();
  await world.advance(845);
  world.mode = "down";
  tab.part("stay").click();
  await world.advance(1);
  assert.match(tab.text, /The server cannot be reached\.$/);
  world.mode = "ok";
  await world.advance(6);
  assert.equal(tab.dialog, undefined);
  assert.ok(world.log.some((entry) => entry.path === "/session/extend" && entry.mode === "ok"));
  assert.ok(tab.adjourn.left > 880);
});

test("server down at the deadline, then back with the session alive: shown again, nothing lost", async () => {
  const world = new World();
  const tab = await world.open();
  world.disk.local.set("draft", "1");
  await world.advance(880);
  world.session.seen = world.now;
  world.mode = "500";
  await world.advance(21);
  assert.ok(tab.hidden);
  world.mode = "ok";
  await world.advance(5);
  assert.deepEqual([tab.hidden, tab.went], [false, []]);
  assert.ok(world.disk.local.has("draft"));
});

test("two scripts on one page are one", async () => {
  const world = new World();
  const tab = await world.open();
  const first = tab.adjourn;
  tab.script.src = ORIGIN + "/session/adjourn.js?v=2";
  tab.run(SCRIPT);
  await world.advance(30);
  assert.equal(tab.window.adjourn, first);
  assert.equal(world.asked(), 1);
});

test("of two script elements the first has the say", async () => {
  const world = new World();
  const tab = await world.open({ attributes: { exit: "/bye" } });
  tab.script.dataset = { exit: "/other", public: "" };
  tab.run(SCRIPT);
  tab.adjourn.end();
  await world.advance(3);
  assert.deepEqual(tab.went, ["/bye"]);
});

test("the script element starts what the module left waiting, with its settings and from its place", async () => {
  const world = new World();
  const tab = await world.open({ manual: true });
  const first = tab.adjourn;
  await world.advance(30);
  assert.equal(world.log.length, 0);
  tab.document.currentScript = Object.assign(tab.script, { src: ORIGIN + "/app/s/adjourn.js", dataset: { exit: "/bye" } });
  tab.run(SCRIPT);
  await settle();
  assert.equal(tab.adjourn, first);
  assert.deepEqual(world.log.map((entry) => entry.path), ["/app/s/status"]);
  tab.adjourn.end();
  await world.advance(3);
  assert.equal(tab.went.length, 1);
  assert.equal(tab.went[0], "/app/s/signed-out");
});

test("a setting that is not given does not replace the default, nor what was given before", async () => {
  const world = new World();
  const tab = await world.open({ manual: true });
  const names = ["public", "text", "title", "stay", "lang", "warn", "poll", "activity", "keep", "exit", "dialog", "endpoints"];
  for (const nothing of [undefined, null]) {
    tab.adjourn.start({ title: "Hello?", ...Object.fromEntries(names.filter((name) => name !== "title").map((name) => [name, nothing])) });
    tab.adjourn.start({ title: nothing });
  }
  await settle();
  assert.equal(world.log[0].path, "/session/status");
  tab.act();
  await world.advance(850.5);
  assert.equal(world.asked("extend"), 0, "activity");
  assert.equal(tab.text, "You will be signed out in 50 seconds.");
  assert.equal(tab.part("a").textContent, "Hello?");
  assert.equal(tab.part("stay").textContent, "Stay signed in");
});

test("a page is public where it says so, and not where it says that it is not", async () => {
  for (const [given, went] of [[true, 0], ["", 0], [false, 1], [undefined, 1], [null, 1]]) {
    const world = new World();
    world.session = undefined;
    const tab = await world.open({ manual: true });
    tab.adjourn.start({ public: given });
    await world.advance(5);
    assert.equal(tab.went.length, went, `${given}`);
  }
});

// An element with an id, or a frame with a name, is a property of the window.
const elements = {
  "an element": { id: "adjourn" },
  "a form with a field of this name": { id: "adjourn", start: { name: "start" } },
  "a frame of another site": new Proxy({}, {
    get() {
      throw new Error("SecurityError");
    },
  }),
};

for (const [what, element] of Object.entries(elements)) {
  const named = (window) =>
    Object.setPrototypeOf(window, Object.create(Object.getPrototypeOf(window), { adjourn: { value: element, writable: true } }));

  test(`${what} of the page is called adjourn: the script runs all the same`, async () => {
    const world = new World();
    const tab = await world.open({ prepare: named });
    assert.ok(tab.adjourn.left > 0);
    const first = tab.adjourn;
    tab.run(SCRIPT);
    assert.equal(tab.window.adjourn, first, "and once");
    assert.equal(world.asked(), 1);
    world.endNow("forced");
    tab.fire("focus");
    await world.advance(3);
    assert.deepEqual(tab.went, ["/session/signed-out?reason=forced"]);
  });

  test(`${what} of the page around a frame is called adjourn: the frame warns`, async () => {
    const world = new World();
    const top = named({ location: { origin: ORIGIN, replace() {} } });
    const frame = await world.open({ globals: { top } });
    await world.advance(850);
    assert.ok(frame.dialog);
  });
}

test("in a frame of this site: the page around it warns, and the whole page leaves", async () => {
  const world = new World();
  const outer = await world.open();
  const frame = await world.open({ globals: { top: outer.window } });
  await world.advance(850);
  assert.ok(outer.dialog);
  assert.equal(frame.dialog, undefined);
  frame.adjourn.end();
  await world.advance(3);
  assert.ok(frame.hidden);
  assert.ok(outer.went.length > 0);
});

test("in a frame of this site whose outer page has no script: the frame warns", async () => {
  const world = new World();
  const top = { location: { origin: ORIGIN, replace: (to) => top.went.push(at(to)) }, went: [] };
  const frame = await world.open({ globals: { top } });
  await world.advance(850);
  assert.ok(frame.dialog);
  frame.adjourn.end();
  await world.advance(3);
  assert.deepEqual([top.went, frame.went], [["/session/signed-out?reason=logout"], []]);
});

test("in a frame of another site, or one that may not leave: only the frame leaves", async () => {
  const foreign = throwing("location");
  const sandboxed = {
    location: {
      origin: ORIGIN,
      replace() {
        throw new Error("SecurityError");
      },
    },
  };
  for (const top of [foreign, sandboxed]) {
    const world = new World();
    const frame = await world.open({ globals: { top } });
    await world.advance(850);
    assert.ok(frame.dialog);
    frame.adjourn.end();
    assert.ok(frame.hidden);
    await world.advance(3);
    assert.deepEqual(frame.went, ["/session/signed-out?reason=logout"]);
  }
});

test("the endpoints are beside the script, or where the site says, and on this site", async () => {
  for (const [src, attributes, base] of [
    [ORIGIN + "/session/adjourn.js", {}, "/session/"],
    [ORIGIN + "/app/s/adjourn.js?v=1", {}, "/app/s/"],
    ["https://cdn.example/adjourn.js", {}, "/session/"],
    ["https://cdn.example/adjourn.js", { endpoints: "/auth" }, "/auth/"],
    [ORIGIN + "/static/a.js", { endpoints: "/auth/" }, "/auth/"],
    [ORIGIN + "/session/adjourn.js", { endpoints: "https://evil.example/" }, "/session/"],
    [ORIGIN + "/session/adjourn.js", { endpoints: "//evil.example" }, "/session/"],
  ]) {
    const world = new World();
    await world.open({ src, attributes });
    assert.equal(world.log[0].path, base + "status", `${src} ${JSON.stringify(attributes)}`);
  }
});

test("nothing that a strict policy forbids is in the script", () => {
  for (const word of ["eval", "Function(", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", 'createElement("style', "setTimeout(\"", "cssText", ".href ="]) {
    assert.ok(!SCRIPT.includes(word), word);
  }
});

test("a script that is started by hand asks for nothing before, and starts once", async () => {
  const world = new World();
  const tab = await world.open({ manual: true });
  await world.advance(30);
  assert.equal(world.log.length, 0);
  tab.adjourn.start({ endpoints: "/session", warn: 100 });
  tab.adjourn.start({ warn: 120 });
  await settle();
  assert.equal(world.asked(), 1);
  await world.advance(782);
  assert.ok(tab.dialog, "what was said last counts");
});
