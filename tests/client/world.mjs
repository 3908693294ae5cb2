// A browser in small: one origin with its server, its storage and its tabs, and clocks that stand
// still until a test moves them. A tab runs the script as it is served.
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import vm from "node:vm";

export const SCRIPT = readFileSync(
  process.env.ADJOURN_JS ?? new URL("../../src/endpoints/client/adjourn.js", import.meta.url),
  "utf8",
);
export const ORIGIN = "https://app.example";

export class World {
  constructor({ idle = 900, absolute = 28800, warn = 60, touch = true, returns = false } = {}) {
    this.now = 1000; // what passes for everybody, in seconds
    this.chance = 0;
    this.timers = [];
    this.tabs = [];
    this.log = [];
    this.mode = "ok";
    this.handler = undefined; // of the site's own log-out: what it answers
    this.idle = idle;
    this.warn = warn;
    this.returns = returns;
    this.exits = { default: "/session/signed-out", "idle-timeout": "/bye/idle" };
    this.disk = { local: new Map(), databases: new Set(), caches: new Set(), workers: new Set() };
    this.logIn({ absolute });
  }

  // The server.

  logIn({ subject = "alice-key", absolute = 28800 } = {}) {
    this.count = (this.count ?? 0) + 1;
    this.session = { id: `session-${this.count}`, subject, seen: this.now, until: this.now + absolute };
  }

  endNow(reason) {
    this.session = undefined;
    this.reason = reason;
  }

  judge() {
    const session = this.session;
    if (!session) return;
    if (this.now >= session.until) this.endNow("absolute-timeout");
    else if (this.idle !== null && this.now >= session.seen + this.idle) this.endNow("idle-timeout");
  }

  answer(method, path, init) {
    this.log.push({ method, path, at: this.now, init, mode: this.mode });
    if (this.mode === "down") throw new TypeError("Failed to fetch");
    if (this.mode === "redirect") {
      // A proxy whose own session is over, say.
      if (init.redirect !== "manual") throw new TypeError("Failed to fetch");
      return { type: "opaqueredirect", status: 0, ok: false, url: "" };
    }
    if (this.mode === "500") return html(500, "<h1>Internal Server Error</h1>");
    if (this.mode === "html") return html(200, "<h1>Sign in to the Wi-Fi</h1>");
    if (this.mode === "html401") return html(401, "<h1>The proxy wants a password</h1>");
    if (this.mode === "503") return json(503, { title: "no store", status: 503, reason: "store" });
    if (this.mode === "outdated") return json(401, { state: "outdated", reason: "outdated", exit: "/login" });
    this.judge();
    if (path === "/logout" || path === "/session/end") {
      if (this.mode === "refuse") return json(403, { status: 403, reason: "cross-site" });
      // The site's own, which may end nothing and yet look as if.
      const own = path === "/logout" && this.handler;
      if (own?.refuses) return own.answer();
      const ended = this.session !== undefined;
      this.endNow("logout");
      if (own) return own.answer();
      if (path === "/logout") return { type: "opaqueredirect", status: 0, ok: false, url: "" };
      return json(200, { ended, reason: "logout" });
    }
    if (!path.startsWith("/session/")) {
      if (path === "/api/fresh") return json(401, { status: 401, reason: "reauthentication-required" });
      return this.session ? json(200, { data: 1 }) : json(401, { status: 401, reason: "no-session" });
    }
    if (!this.session) {
      const reason = this.reason ?? "no-session";
      const exit = this.hostileExit ?? this.exits[reason] ?? this.exits.default;
      const may_return = this.returns && /timeout/.test(reason);
      return json(401, { state: this.reason ? "ended" : "none", status: 401, reason, exit, may_return });
    }
    if (path === "/session/extend" && method === "POST") this.session.seen = this.now;
    return json(200, {
      state: "live",
      session_id: this.session.id,
      subject_key: this.session.subject,
      idle_seconds_left: this.idle === null ? null : this.session.seen + this.idle - this.now,
      absolute_seconds_left: this.session.until - this.now,
      idle_timeout_seconds: this.idle,
      warn_seconds: this.warn,
      exits: this.exits,
      log_in: "/login",
    });
  }

  asked(path = "status") {
    return this.log.filter((entry) => entry.path === "/session/" + path).length;
  }

  // Time.

  async advance(seconds) {
    const until = this.now + seconds;
    await settle();
    for (;;) {
      const next = this.timers.filter((timer) => timer.at <= until && !timer.tab.frozen).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.timers.splice(this.timers.indexOf(next), 1);
      this.pass(Math.max(0, next.at - this.now));
      next.step();
      await settle();
    }
    this.pass(until - this.now);
    await settle();
  }

  pass(seconds) {
    this.now += seconds;
  }

  // The machine sleeps: its timers and its monotonic clock stand still.
  asleep(seconds) {
    this.now += seconds;
    for (const tab of this.tabs) tab.slept += seconds;
    for (const timer of this.timers) timer.at += seconds;
  }

  // The first tab's page is loaded and has heard from the server.
  async open(options) {
    const tab = new Tab(this, options);
    await settle();
    return tab;
  }
}

export const settle = async () => {
  for (let i = 0; i < 5; i++) await new Promise((done) => setImmediate(done));
};

export const json = (status, body) => answered(new Response(JSON.stringify(body), { status }));
export const html = (status, body) => answered(new Response(body, { status }));
const answered = (response) => response;

class Node extends EventTarget {
  constructor(page, name) {
    super();
    Object.assign(this, { page, name, attributes: {}, children: [], parent: null, texts: [] });
    this.styles = new Map();
    const { styles } = this;
    this.style = {
      get display() {
        return (styles.get("display") ?? "").split(" !")[0];
      },
      setProperty: (key, value, priority) => {
        if (value === "") this.styles.delete(key);
        else this.styles.set(key, value + (priority ? " !" + priority : ""));
      },
    };
  }
  // Short, for a failed assertion would print all the world.
  [inspect.custom]() {
    return `<${this.name}>`;
  }
  setAttribute(key, value) {
    // A strict policy refuses the attribute, not the object model.
    if (key === "style") throw new Error("a style attribute");
    this.attributes[key] = String(value);
  }
  getAttribute(key) {
    return this.attributes[key] ?? null;
  }
  set textContent(text) {
    if (text !== this.texts.at(-1)) this.texts.push(text);
  }
  get textContent() {
    return this.texts.at(-1) ?? "";
  }
  append(...nodes) {
    for (const node of nodes) {
      node.remove();
      node.parent = this;
      this.children.push(node);
    }
  }
  remove() {
    const at = this.parent?.children.indexOf(this);
    if (at >= 0) this.parent.children.splice(at, 1);
    this.parent = null;
  }
  get isConnected() {
    return this === this.page.root || (this.parent?.isConnected ?? false);
  }
  attachShadow() {
    this.shadow = new Node(this.page, "#shadow");
    this.shadow.parent = this;
    return this.shadow;
  }
  showModal() {
    if (this.open || !this.isConnected) throw new Error("InvalidStateError");
    this.open = true;
    this.before = this.page.focus;
    this.page.focus = this.children.find((child) => child.name === "button");
  }
  close() {
    if (!this.open) return;
    this.open = false;
    this.page.focus = this.before;
  }
  click() {
    this.onclick?.({ target: this });
  }
}

// A storage whose keys are its own properties, as in browsers: a key that is called like a member is kept
// as any other, but is no property, neither read nor listed.
const storage = (map, changed = () => {}) => {
  const members = {
    get length() {
      return map.size;
    },
    key: (index) => [...map.keys()][index] ?? null,
    setItem: (key, value) => {
      map.set(key, String(value));
      changed(key, String(value));
    },
    getItem: (key) => map.get(key) ?? null,
    removeItem: (key) => map.delete(key) && changed(key, null),
    clear: () => map.clear(),
  };
  return new Proxy(members, {
    get: (target, key) => (key in target ? target[key] : map.get(key)),
    // A test may break a member.
    set: (target, key, value) => (target[key] = value) && true,
    ownKeys: () => [...map.keys()].filter((key) => !(key in members)),
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
  });
};

export class Tab {
  constructor(world, options = {}) {
    const { path = "/account", attributes = {}, manual, globals = {}, without = [], src } = options;
    Object.assign(this, { world, born: world.now, slept: 0, skew: options.skew ?? 0, frozen: false, went: [], reloaded: 0, base: options.base });
    Object.assign(this, { errors: [], sockets: [], session: new Map(), lag: options.lag });
    world.tabs.push(this);
    this.root = new Node(this, "html");
    this.focus = "the page";
    this.heard = [];
    this.href = ORIGIN + path;
    const tab = this;
    const location = {
      get href() {
        return tab.href;
      },
      get pathname() {
        return new URL(tab.href).pathname;
      },
      get search() {
        return new URL(tab.href).search;
      },
      origin: options.origin ?? ORIGIN,
      toString: () => tab.href,
      replace: (to) => tab.went.push(at(to, tab.base ?? tab.href)),
      reload: () => tab.reloaded++,
    };
    class FakeDate extends Date {
      static now() {
        return Math.round((world.now + 1.8e9 + tab.skew) * 1e3);
      }
    }
    const script = { src: src ?? ORIGIN + "/session/adjourn.js", dataset: { ...attributes } };
    const document = {
      documentElement: this.root,
      currentScript: manual ? null : script,
      hidden: false,
      createElement: (name) => new Node(tab, name),
    };
    const window = {
      location,
      document,
      navigator: {
        serviceWorker: {
          getRegistrations: async () =>
            [...world.disk.workers].map((scope) => ({
              scope: ORIGIN + scope,
              unregister: async () => world.disk.workers.delete(scope),
            })),
        },
      },
      addEventListener: (type, handler, capture = false) => tab.heard.push({ type, handler, capture }),
      performance: {
        now: () => (world.now - tab.born - tab.slept) * 1e3,
        getEntriesByType: (type) => [{ type, name: tab.href, serverTiming: options.timing?.map((name) => ({ name })) }],
      },
      Date: FakeDate,
      setTimeout: (step, ms = 0) => {
        // As in browsers: what does not fit into 31 bits fires at once, and time passes before a
        // timer fires. Without that, a step too small to change `now` would repeat for ever.
        const whole = Math.max(1, Math.trunc(ms > 0x7fffffff ? 0 : ms));
        const at = world.now + whole / 1e3;
        const timer = { at, step, tab };
        world.timers.push(timer);
        return timer;
      },
      clearTimeout: (timer) => {
        const at = world.timers.indexOf(timer);
        if (at >= 0) world.timers.splice(at, 1);
      },
      fetch: async (input, init = {}) => {
        const url = new URL(input, tab.base ?? tab.href);
        if (url.origin !== ORIGIN) return Object.defineProperty(json(401, {}), "url", { value: url.href });
        const found = world.answer(init.method ?? "GET", url.pathname, init);
        if (tab.lag) await new Promise((done) => (tab.release = done));
        return found.type === "opaqueredirect" ? found : Object.defineProperty(found, "url", { value: url.href });
      },
      localStorage: storage(world.disk.local, (key, newValue) => {
        for (const other of world.tabs) {
          if (other !== tab) setImmediate(() => other.frozen || other.fire("storage", { key, newValue }));
        }
      }),
      sessionStorage: storage(this.session),
      indexedDB: {
        databases: async () => [...world.disk.databases].map((name) => ({ name, version: 1 })),
        deleteDatabase: (name) => {
          const deletion = {};
          if (options.stuck) return deletion;
          world.disk.databases.delete(name);
          setImmediate(() => deletion.onsuccess?.());
          return deletion;
        },
      },
      caches: {
        keys: async () => [...world.disk.caches],
        delete: async (name) => world.disk.caches.delete(name),
      },
      BroadcastChannel: channels(world, tab),
      CSSStyleSheet: class {
        replaceSync(text) {
          this.text = text;
        }
      },
      FormData: class {
        constructor(form, button) {
          return button?.name ? [...form.fields, [button.name, button.value]] : form.fields;
        }
      },
      AbortSignal: { timeout: (ms) => ({ ms }) },
      CustomEvent: class extends Event {
        constructor(type, { detail }) {
          super(type);
          this.detail = detail;
        }
      },
      EventTarget: listeners(this.errors),
      URL,
      URLSearchParams,
    };
    for (const name of without) delete window[name];
    options.prepare?.(window);
    vm.createContext(window);
    // Not the object that it was made of, which does not get what has a symbol for a name.
    this.window = vm.runInContext("globalThis", window);
    // The script spreads its questions by chance: here in the same way each time.
    this.window.Math.random = () => (world.chance = (world.chance + 0.618) % 1);
    Object.assign(window, { self: this.window, window: this.window });
    Object.defineProperties(window, { top: { value: this.window }, ...Object.getOwnPropertyDescriptors(globals) });
    Object.assign(this, { document, script, context: window });
    this.run();
  }

  run(text = SCRIPT) {
    // Strictly, so that a forgotten declaration is found.
    vm.runInContext('"use strict";' + text, this.context, { filename: "adjourn.js" });
    this.adjourn = this.window.adjourn;
  }

  // An event that reaches the window: on its way down, and, when the page below has had it, up.
  fire(type, values = {}, below = () => {}) {
    const event = {
      ...values,
      type,
      preventDefault: () => (event.defaultPrevented = true),
      stopImmediatePropagation: () => (event.stopped = true),
    };
    const reach = (capture) => {
      for (const known of this.heard) {
        if (known.type === type && known.capture === capture && !event.stopped) known.handler(event);
      }
    };
    reach(true);
    below(event);
    reach(false);
    return event;
  }

  // What the user did, as far as the script may believe it.
  act(type = "keydown", isTrusted = true) {
    this.fire(type, { isTrusted });
  }

  get hidden() {
    return this.root.styles.get("display") === "none !important";
  }
  get host() {
    return this.root.children.find((child) => child.name === "adjourn-warning");
  }
  get dialog() {
    const dialog = this.host?.shadow.children[0];
    return dialog?.open ? dialog : undefined;
  }
  part(name) {
    return this.dialog?.children.find((child) => child.attributes.part === name || child.attributes.id === name);
  }
  get spoken() {
    return this.dialog?.children.find((child) => child.attributes["aria-live"]).texts ?? [];
  }
  get text() {
    return this.part("b")?.textContent;
  }

  async freeze() {
    this.fire("pagehide", { persisted: true });
    this.frozen = true;
    await settle();
  }
  async thaw() {
    this.frozen = false;
    this.fire("pageshow", { persisted: true });
    await settle();
  }
}

// As in browsers, a listener that throws is reported and stops no other.
const listeners = (errors) =>
  class {
    all = [];
    addEventListener(type, handler) {
      this.all.push({ type, handler });
    }
    removeEventListener(type, handler) {
      this.all = this.all.filter((known) => known.type !== type || known.handler !== handler);
    }
    dispatchEvent(event) {
      for (const { type, handler } of [...this.all]) {
        try {
          if (type === event.type) handler(event);
        } catch (error) {
          errors.push(error);
        }
      }
    }
  };

const channels = (world, tab) =>
  class {
    constructor(name) {
      this.name = name;
      this.tab = tab;
      (world.channels ??= new Set()).add(this);
    }
    postMessage(data) {
      for (const other of world.channels) {
        if (other === this || other.name !== this.name || other.tab.frozen) continue;
        const copy = structuredClone(data);
        setImmediate(() => other.onmessage?.({ data: copy }));
      }
    }
  };

// Where an address leads: the path, if it is on this origin.
export function at(to, base = ORIGIN) {
  const url = new URL(to, base);
  return url.origin === ORIGIN ? url.href.slice(ORIGIN.length) : url.href;
}
