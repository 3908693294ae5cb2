import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";
import { SCRIPT, World, settle } from "./world.mjs";

const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");
const types = read("../../src/endpoints/client/adjourn.d.ts");
const source = read("../../src/endpoints/client/adjourn.js");
const members = (name) => {
  const body = types.split(`export interface ${name} {`)[1].split("\n}")[0].replace(/\/\*\*[\s\S]*?\*\//g, "");
  return [...body.matchAll(/^  (?:readonly )?(\w+)/gm)].map(([, member]) => member).sort();
};
const sorted = (names) => [...new Set(names)].sort();

test("the types name what there is, and nothing else", async () => {
  const world = new World();
  const tab = await world.open();
  assert.deepEqual(members("Adjourn"), sorted(Object.keys(tab.adjourn)));
  assert.deepEqual(members("Events"), sorted([...source.matchAll(/emit\("(\w+)"/g)].map(([, name]) => name)));
  const used = [...source.matchAll(/settings\.(\w+)/g)].map(([, name]) => name);
  const computed = ["text", "final", "stay", "close"];
  assert.deepEqual(members("Settings"), sorted([...used, ...computed]));
  for (const name of computed) assert.ok(source.includes(`"${name}"`), name);
});

test("what the types promise is what comes: parameters, results, details", async () => {
  const world = new World();
  const tab = await world.open();
  const { adjourn } = tab;
  const body = types.split("export interface Adjourn {")[1].split("\n}")[0];
  const promised = [...body.matchAll(/^  (\w+)(?:<.*?>)?\((.*)\): (.*);$/gm)].map(([, name, list, result]) => [
    name,
    // `name?:` may be left out.
    [...list.matchAll(/(?:^|, )\w+: /g)].length,
    result,
  ]);
  assert.deepEqual(promised.map(([name]) => name).sort(), ["end", "extend", "on", "register", "start"]);
  for (const [name, needed] of promised) assert.equal(adjourn[name].length, needed, name);

  const details = {};
  for (const name of members("Events")) adjourn.on(name, (detail) => (details[name] ??= detail));
  const socket = Object.assign(new EventTarget(), { readyState: 1, close() {} });
  const results = {
    start: adjourn.start(),
    on: adjourn.on("login", () => {}),
    register: adjourn.register(socket),
    extend: adjourn.extend(),
  };
  await settle();
  assert.equal(results.start, undefined);
  assert.equal(results.on(), undefined);
  assert.equal(results.register, socket);
  assert.equal(await results.extend, true);
  assert.equal(typeof adjourn.left, "number");
  assert.ok((await adjourn.fetch("/api/me")) instanceof Response);
  await world.advance(850);
  const ended = adjourn.end();
  await world.advance(3);
  assert.equal(await ended, undefined);
  const kinds = { left: "number", extendable: "boolean", reason: "string", confirmed: "boolean", exit: "string", waitUntil: "function" };
  for (const [event, type] of [["warning", "Warning"], ["ended", "Ending"]]) {
    assert.deepEqual(Object.keys(details[event]).sort(), members(type));
    for (const [key, value] of Object.entries(details[event])) assert.equal(typeof value, kinds[key], key);
  }
  assert.deepEqual([Object.keys(details).sort(), details.extended ?? null], [["ended", "extended", "warning"], null]);
});

test("the manual names every setting, event and function", () => {
  const manual = read("../../docs/guides/browser-script.md");
  for (const name of members("Settings")) assert.ok(manual.includes("`data-" + name + "`"), name);
  for (const name of members("Events")) assert.ok(manual.includes("`" + name + "`"), name);
  for (const name of members("Adjourn")) assert.ok(manual.includes("`adjourn." + name), name);
});

test("the code of the guide for fetch does what it says", async () => {
  const [, code] = read("../../docs/guides/react-fetch.md").split("```js\n").map((part) => part.split("```")[0]);
  assert.match(code, /adjourn\.fetch\(/);
  const world = new World();
  const closed = [];
  const socket = class extends EventTarget {
    constructor(url) {
      super();
      Object.assign(this, { url, readyState: 1, close: () => closed.push(url) });
    }
  };
  const tab = await world.open({ globals: { EventSource: socket, WebSocket: socket } });
  tab.run(code.replaceAll("export ", "").replaceAll("const ", "var "));
  const { call, logOut, events } = tab.window;
  const refused = (path) => call(path).then(assert.fail, ({ status, reason }) => [status, reason]);
  assert.deepEqual(await (await call("/api/me")).json(), { data: 1 });
  events();
  assert.deepEqual(await refused("/api/fresh"), [401, "reauthentication-required"]);
  world.mode = "503";
  assert.deepEqual(await refused("/api/me"), [503, "store"]);
  world.mode = "500";
  assert.deepEqual(await refused("/api/me"), [500, undefined]);
  assert.deepEqual([tab.hidden, closed], [false, []]);
  world.mode = "ok";
  const other = await world.open();
  logOut();
  assert.deepEqual([tab.hidden, closed], [true, ["/events"]]);
  await world.advance(5);
  assert.equal(world.reason, "logout");
  for (const left of [tab, other]) assert.deepEqual(left.went, ["/session/signed-out?reason=logout"]);

  world.logIn();
  const again = await world.open();
  again.run(code.replaceAll("export ", "").replaceAll("const ", "var "));
  world.endNow("forced");
  await assert.rejects(again.window.call("/api/me"));
  assert.ok(again.hidden, "before the caller hears of it");
});

test("what is served behaves as the source: the tests run on it", () => {
  if (process.env.ADJOURN_JS) assert.notEqual(SCRIPT, source);
});

test("the module exports the same object, starts when told, and finds its own place", async (t) => {
  if (!process.env.ADJOURN_MJS) return t.skip("served by the Rust test only");
  const asked = [];
  Object.assign(globalThis, {
    self: globalThis,
    document: { documentElement: { style: { setProperty() {} } }, currentScript: null },
    location: { origin: "null", href: "file:///page", toString: () => "file:///page" },
    addEventListener() {},
    BroadcastChannel: undefined,
    CustomEvent: Event,
    setTimeout: () => 0,
    fetch: async (path) => {
      asked.push(path);
      throw new Error("down");
    },
  });
  const url = pathToFileURL(process.env.ADJOURN_MJS);
  const { default: adjourn } = await import(url.href);
  assert.equal(adjourn, globalThis.adjourn);
  await settle();
  assert.deepEqual(asked, []);
  adjourn.start();
  await settle();
  assert.deepEqual(asked, ["null" + new URL("./status", url).pathname], "of the page's origin");
  const again = await import(url.href + "?again");
  assert.equal(again.default, adjourn, "two scripts on one page are one");
});
