// Where the script may lead to: the corpus of hostile values at each of its sinks, and the verdicts of
// the server's validator, which are the script's.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { ORIGIN, World, at } from "./world.mjs";

// Section E of the corpus: paths like any other. Only the application can know that they are no place to
// lead to, and configures it on the server; the script's check knows one rule for all sites.
const OF_THE_SITE = ["/auth/logout?next=/logout", "/LOGOUT/", "/ws", "/events"];

const encoded = (bytes) => [...bytes].map((byte) => "%" + byte.toString(16).padStart(2, "0").toUpperCase()).join("");

// Each line as a page would have it, with all bytes percent-encoded, and with all but the slash before it.
const hostile = () => {
  const corpus = readFileSync(new URL("../data/hostile-return-to.txt", import.meta.url), "latin1").split("\n");
  const lines = corpus.filter((line) => line && !line.startsWith("#"));
  assert.equal(lines.length, 111);
  const judged = lines.filter((line) => !OF_THE_SITE.includes(line));
  assert.equal(judged.length, 107);
  return judged.flatMap((line) => {
    const bytes = Buffer.from(line.replace(/\\x([0-9A-F]{2})/g, (_, digits) => String.fromCharCode(parseInt(digits, 16))), "latin1");
    const values = [bytes.toString("utf8"), encoded(bytes)];
    if (line.startsWith("/")) values.push("/" + encoded(bytes.subarray(1)));
    return values;
  });
};

const ended = async (world, reason) => {
  world.endNow(reason);
  for (const tab of world.tabs) tab.fire("online");
  await world.advance(5);
};
const heard = async (world, tab, more) => {
  const data = { over: true, at: tab.window.Date.now() / 1e3, session_id: world.session.id, reason: "forced", ...more };
  for (const channel of world.channels) channel.onmessage({ data });
  await world.advance(5);
};
// A page around it whose address is the text as it is. (A browser's own is a parser's, which has judged already.)
const around = (pathname, search, went) => ({
  location: { origin: ORIGIN, href: ORIGIN + "/", pathname, search, replace: (to) => went.push(at(to)) },
  performance: { getEntriesByType: () => [{ serverTiming: [{ name: "adjourn-return" }] }] },
});

// Leads the value there, and answers where the page went.
const SINKS = {
  "the setting of the element": async (world, exit) => {
    const tab = await world.open({ attributes: { exit } });
    await ended(world, "forced");
    return tab.went;
  },
  "the setting of the module": async (world, exit) => {
    const tab = await world.open();
    tab.adjourn.start({ exit });
    await ended(world, "forced");
    return tab.went;
  },
  "what the server says of the ending": async (world, exit) => {
    world.exits = {};
    world.hostileExit = exit;
    const tab = await world.open();
    await ended(world, "forced");
    return tab.went;
  },
  "what the server said before, of the reason": async (world, exit) => {
    world.exits = { forced: exit };
    const tab = await world.open();
    await heard(world, tab, {});
    return tab.went;
  },
  "what the server said before, of any reason": async (world, exit) => {
    world.exits = { default: exit };
    const tab = await world.open();
    await heard(world, tab, {});
    return tab.went;
  },
  "another tab: the exit": async (world, exit) => {
    world.exits = {};
    const tab = await world.open();
    await heard(world, tab, { exit });
    return tab.went;
  },
  "another tab: the exit of a log-out that failed": async (world, failed) => {
    world.exits = {};
    const tab = await world.open();
    await heard(world, tab, { failed });
    return tab.went;
  },
  "the storage, where there is no channel": async (world, exit) => {
    world.exits = {};
    const tab = await world.open({ without: ["BroadcastChannel"] });
    const at = tab.window.Date.now() / 1e3;
    tab.fire("storage", {
      key: "/session/",
      newValue: JSON.stringify({ over: true, at, session_id: world.session.id, reason: "forced", exit }),
    });
    await world.advance(5);
    return tab.went;
  },
  "the path to come back to": async (world, path) => {
    const went = [];
    world.returns = true;
    world.exits = { "idle-timeout": "/session/signed-out?reason=forced" };
    await world.open({ globals: { top: around(path, "", went) } });
    await ended(world, "idle-timeout");
    return went;
  },
};

const OUT = "/session/signed-out?reason=forced";
for (const [sink, lead] of Object.entries(SINKS)) {
  // R-8-2
  test("no hostile value is followed: " + sink, async () => {
    for (const value of hostile()) {
      assert.deepEqual(await lead(new World(), value), [OUT], JSON.stringify(value));
    }
    const followed = await lead(new World(), "/ws");
    assert.deepEqual(followed, ["/ws"], "it is a sink, and section E is the site's");
  });
}

// R-8-2
test("no hostile value is the place of the endpoints, said or that of the script", async () => {
  for (const value of hostile()) {
    const world = new World();
    await world.open({ attributes: { endpoints: value } });
    assert.deepEqual(world.log.map(({ path }) => path), ["/session/status"], JSON.stringify(value));
  }
  for (const path of ["/a//b/", "/%2Fevil.example/", "/a%5C/", "/%00/"]) {
    const world = new World();
    await world.open({ src: ORIGIN + path + "adjourn.js" });
    assert.deepEqual(world.log.map(({ path }) => path), ["/session/status"], path);
  }
});

// R-8-2
test("no page is taken for the exit page by a hostile value", async () => {
  for (const value of hostile().filter((value) => URL.canParse(value, ORIGIN))) {
    const { pathname } = new URL(value, ORIGIN);
    if (!pathname.startsWith("/")) continue;
    for (const where of ["the server", "the page"]) {
      const world = new World();
      world.session = undefined;
      if (where === "the server") world.hostileExit = value;
      const tab = await world.open({ path: pathname, attributes: where === "the page" ? { exit: value } : {} });
      await world.advance(5);
      assert.ok(tab.hidden, `${where}: ${JSON.stringify(value)}`);
      assert.notDeepEqual(tab.went, [value]);
    }
  }
});

// R-8-2
test("the script judges an exit as the server does", async (t) => {
  if (!process.env.ADJOURN_VERDICTS) return t.skip("the verdicts come from the Rust test");
  const verdicts = Object.entries(JSON.parse(readFileSync(process.env.ADJOURN_VERDICTS, "utf8")));
  const kinds = [true, false].map((kind) => verdicts.filter(([, verdict]) => verdict === kind).length);
  assert.ok(kinds.every((count) => count > 500), kinds.join());
  for (const [exit, verdict] of verdicts) {
    const world = new World();
    const tab = await world.open({ attributes: { exit } });
    tab.adjourn.end();
    await world.advance(3);
    assert.deepEqual(tab.went, [verdict ? at(exit) : "/session/signed-out?reason=logout"], JSON.stringify(exit));
  }
});

test("what is no text is no exit", async () => {
  for (const exit of [7, null, undefined, true, {}, [], ["/x"], { toString: () => "/x" }]) {
    for (const sink of ["what the server says of the ending", "another tab: the exit"]) {
      assert.deepEqual(await SINKS[sink](new World(), exit), [OUT], sink);
    }
  }
});

test("a base element of another origin moves nothing", async () => {
  const world = new World();
  const tab = await world.open({ base: "https://evil.example/" });
  assert.ok(tab.adjourn.left > 0, "this origin was asked");
  await tab.adjourn.end();
  await world.advance(5);
  assert.deepEqual(tab.went, ["/session/signed-out?reason=logout"]);
  assert.equal(world.session, undefined, "and the log-out arrived here");
});
