// The end of a session, in the page: warns before it, tells the other tabs, leaves nothing behind.
//
// This is the classic script. The module is the same text with `import.meta` in place of the script
// element, and exports (../script.rs). Whole-line comments and indentation are not served.
//
// 1. The server has the last word. The deadline is its deadline; at every turn (before the warning, at
//    the deadline, when the page is shown again) it is asked, and only its own 401 is an ending.
// 2. When it cannot be asked, nothing ends before the deadline and nothing is shown after it.
// 3. What throws (storage, channels, handlers of the site) stops no other step.
//
// Times are in seconds.
//
// The symbol, because an element with the id `adjourn` is `globalThis.adjourn`, too.
globalThis.adjourn = ((own) => {
  // The site may set `window.fetch = adjourn.fetch`.
  const request = fetch.bind(self);
  const root = document.documentElement;
  // Before each path: else a base element of the page says whose it is.
  const { origin } = location;
  const bus = new EventTarget();
  const sockets = new Set();
  const settings = {
    title: "Still there?",
    text: "You will be signed out in {time}.",
    final: "Your session ends in {time}.",
    stay: "Stay signed in",
    close: "Close",
    leave: "Sign out",
    failed: "The server cannot be reached.",
    lang: "en",
    keep: "",
  };
  // `live` is what the server said last, `guest` that it knows of no session on a public page.
  // `goal` is where to leave for, `back` this page, for who may come back to it. `lost` was put away before
  // anybody knew whose it is. `veiled` holds the site's own `display` while the page is hidden; `alarms` are
  // timers.
  let base, builtIn, live, guest, frozen, lost, veiled, channel, timer, alarms, busy, wish, finished, goal, back;
  // The turn at which the server was asked; when it will be, and may be, asked; how often in vain.
  let asked = 0, due = 0, gate = -4, fails = 0, acted = 0;

  const attempt = (step) => {
    try {
      return step();
    } catch {}
  };
  const clock = () => performance.now() / 1e3;
  const date = () => Date.now() / 1e3;
  const later = (step, seconds) => setTimeout(step, Math.min(seconds, 2e6) * 1e3);
  // Spread, so that not all pages ask at once.
  const postpone = (seconds) => (due = Math.min(due, clock() + seconds * (.75 + Math.random() / 2)));
  // One clock stops while the machine sleeps, the other can be set: the later one counts.
  const remaining = () =>
    live ? live.rest - Math.max(date() - live.at, clock() - live.tick) : Infinity;
  // WCAG 2.2.1: at least 20 seconds to react. The greater part of the time is without a warning.
  const lead = () =>
    Math.max(20, Math.min(+settings.warn || live?.warn_seconds || 60, live?.idle_timeout_seconds / 2 || Infinity));
  // 0: nothing to do. 1: about to warn. 2: over. A hidden page lets those that are seen be first.
  const turn = () => (remaining() > lead() + 10 ? 0 : remaining() > -document.hidden ? 1 : 2);
  // What it did not hide, it does not touch; what the site had set there comes back.
  const veil = (hide) => {
    if (!hide) return (veiled &&= root.style.setProperty("display", ...veiled));
    veiled ??= [root.style.display];
    root.style.setProperty("display", "none", "important");
  };
  // A path of this origin, judged as the server judges it (src/policy/local_path.rs). First all of it: which
  // characters, whole escapes, none of a control character, and before the query no `//` and no escape of
  // `/`, `\` and `%`. Then what the path spells: UTF-8, no dot segments, nothing invisible.
  const local = (path) =>
    /^(?!.*%(7f|(?![2-9a-f][\da-f]))|[^?#]*(\/\/|%(2[5f]|5c)))\/[!#-;=?-[\]_~]{0,2047}$/i.test(path) &&
    attempt(() => !/\/\.\.?([/;]|$)|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(decodeURIComponent(path.split(/[?#]/)[0])));
  const isPublic = () => (settings.public ?? false) !== false;
  const here = (path) => local(path) && new URL(path, location).pathname === location.pathname;
  // The page around this frame, if it is ours, else this page.
  const whole = () => attempt(() => top.location.origin === origin && top) || self;
  // Not a reload, which would send a form once more; and without the fragment, which would load nothing.
  const renew = () => location.replace(location.href.split("#")[0]);
  const emit = (event, detail) => bus.dispatchEvent(new CustomEvent(event, { detail }));

  // The other tabs

  const tell = (said) =>
    attempt(() => {
      if (channel) return channel.postMessage(said);
      localStorage.setItem(base, JSON.stringify(said));
      localStorage.removeItem(base);
    });
  const news = (more) => ({ at: date(), session_id: live?.session_id, ...more });
  // A frozen tab hears late, and of another session, one may guess by a deadline that has moved, and
  // others may use the channel: that is only a reason to ask.
  const hear = (said) => {
    if (finished) return;
    const guessed = said?.guess && !said.failed && remaining() > 0;
    if (!live || said?.session_id !== live.session_id || !(date() - said.at < 5) || guessed) ask();
    else if (said.over) finish(said);
    else if (said.ending) {
      veil(true);
      postpone(2);
      step();
    }
    else if (said.absolute_seconds_left > 0) {
      due = Infinity;
      accept(said, said.at, clock());
    }
  };

  // The server

  const call = (path, init) =>
    request(path, {
      cache: "no-store",
      credentials: "same-origin",
      redirect: "error",
      signal: AbortSignal.timeout?.(1e4),
      ...init,
    });

  // What the server itself says. Anything else is an error: of a proxy, of a portal.
  const learn = async (path, init) => {
    const reply = await call(origin + base + path, init);
    const said = await reply.json();
    if (/^live200|(ended|none)401$/.test(said.state + reply.status)) return said;
    throw 0;
  };

  const accept = (said, at, tick) => {
    const { session_id, subject_key } = live || lost || said;
    const idle = said.idle_seconds_left ?? Infinity, absolute = said.absolute_seconds_left;
    live = { ...said, at, tick, rest: Math.min(idle, absolute), extendable: idle < absolute };
    if (guest || session_id !== said.session_id) emit("login");
    if (subject_key !== said.subject_key) {
      // This page is somebody else's, or may be.
      finished = true;
      veil(true);
      return renew();
    }
    guest = fails = 0;
    veil(frozen);
    asked = turn();
    postpone(asked ? 8 : Math.max(5, +settings.poll || 60));
    if (said.extended) acted = clock();
    if (said.extended || (warned && remaining() > lead() + 1)) emit("extended");
    // In a hidden tab a chain of timers is slowed down, a single one is not: for each turn and the warning
    // there is one, a little late. (At its deadline a hidden page waits a second for the others.)
    alarms?.map(clearTimeout);
    alarms = [lead() + 10, lead(), 0, -1].map((mark) => later(step, remaining() - mark + 0.1));
    step();
  };

  const exchange = async () => {
    const extended = wish, at = date(), tick = clock();
    // Three questions at once, then one in two seconds.
    gate = Math.max(gate, tick - 4) + 2;
    due = Infinity;
    try {
      const said = await learn(extended ? "extend" : "status", extended && { method: "POST" });
      if (finished) return;
      if (said.state === "live") {
        if (extended) wish = false;
        accept({ ...said, extended }, at, tick);
        return tell(live);
      }
      if (live || !(isPublic() || [said.exit, said.log_in, settings.exit].some(here))) return finish(said);
      guest = true;
      wish = lost = false;
      veil(frozen);
    } catch {
      // No word from the server, or none of its own: a proxy, a portal, an error page.
      fails++;
      wish &&= warned;
      postpone(Math.min(asked ? 4 : 300, 2 ** fails));
    }
  };
  const check = () =>
    (busy ||= exchange().finally(() => {
      busy = 0;
      step();
    }));
  const ask = () => {
    due = Math.min(due, Math.max(clock(), gate));
    step();
  };

  // The one loop. Nothing is counted in its steps, which may be far apart.
  const step = () => {
    clearTimeout(timer);
    if (finished) return;
    const reached = turn();
    if (reached > asked) {
      asked = reached;
      due = fails = 0;
      if (reached > 1) veil(true);
    }
    if (due <= clock()) {
      if (reached > 1 && fails > 2) {
        return finish({ reason: live.extendable ? "idle-timeout" : "absolute-timeout", guess: true });
      }
      check();
    }
    attempt(remind);
    timer = later(step, reached ? 1 : Math.min(10, Math.max(0.1, due - clock()), remaining() - lead() - 10));
  };

  // The warning

  // `warned`: 1 while it lasts, 2 when it was closed.
  let warned, modal, host, parts, heard;
  const make = (tag, attributes) => {
    const element = document.createElement(tag);
    for (const attribute in attributes) element.setAttribute(attribute, attributes[attribute]);
    return element;
  };
  // A language that is none throws: then it is the browser's.
  const span = (value, unit, locale = settings.lang) =>
    attempt(() => Math.ceil(value).toLocaleString(locale, { style: "unit", unit, unitDisplay: "long" })) ?? span(value, unit, []);
  const proceed = () => {
    if (live.extendable) return extend();
    warned = 2;
    modal.close();
  };
  const build = () => {
    host = make("adjourn-warning", { lang: settings.lang });
    modal = make("dialog", { part: "dialog", role: "alertdialog", "aria-labelledby": "a", "aria-describedby": "b" });
    parts = {
      title: make("h2", { id: "a" }),
      text: make("p", { id: "b" }),
      stay: make("button", { part: "stay" }),
      leave: make("button", { part: "leave" }),
      voice: make("div", { "aria-live": "assertive" }),
    };
    modal.append(...Object.values(parts));
    parts.stay.onclick = proceed;
    parts.leave.onclick = api.end;
    // Escape: somebody is there.
    modal.oncancel = (event) => {
      event.preventDefault();
      proceed();
    };
    const shadow = host.attachShadow({ mode: "open" });
    shadow.append(modal);
    // Not a style element, which a strict policy forbids.
    shadow.adoptedStyleSheets = [new CSSStyleSheet()];
    shadow.adoptedStyleSheets[0].replaceSync(STYLE);
  };
  const remind = () => {
    const time = remaining();
    // A second more takes it away again, for answers differ by as much as they took.
    if (time > lead() + (warned || 0)) {
      if (warned) modal?.close();
      warned = 0;
      host?.remove();
      return;
    }
    if (!warned) {
      warned = 1;
      heard = 0;
      emit("warning", { left: api.left, extendable: live.extendable });
    }
    if (warned > 1 || settings.dialog === "none" || (whole()[Symbol.for("adjourn")] ?? api) !== api) return;
    if (!host) build();
    const sentence = settings[live.extendable ? "text" : "final"].replace("{time}", time < 120 ? span(time, "second") : span(time / 60, "minute"));
    parts.title.textContent = settings.title;
    parts.text.textContent = fails ? sentence + " " + settings.failed : sentence;
    parts.stay.textContent = settings[live.extendable ? "stay" : "close"];
    parts.leave.textContent = settings.leave;
    // Read out at the opening as the description, then at these marks only.
    const mark = [10, 30, 60].find((seconds) => time <= seconds) ?? 90;
    if (heard && heard !== mark) parts.voice.textContent = sentence;
    heard = mark;
    if (!host.isConnected) root.append(host);
    if (!modal.open) modal.showModal();
  };

  // The end

  const clear = () => {
    const kept = [].concat(settings.keep.split?.(/[\s,]+/) ?? settings.keep);
    const purge = async (kind, list, drop) =>
      Promise.allSettled(
        (await list()).map(async (item) => {
          const known = item.name ?? item.scope?.replace(origin, "") ?? item;
          if (!kept.includes(kind + ":" + known)) await drop(item);
        }),
      );
    const web = (kind) => {
      const storage = kind + "Storage";
      // Not its properties, among which a key that is called like one of its methods is missing.
      return purge(kind, () => Array.from(self[storage], (gap, index) => self[storage].key(index)), (item) => self[storage].removeItem(item));
    };
    return Promise.allSettled([
      web("local"),
      web("session"),
      purge("worker", () => navigator.serviceWorker.getRegistrations(), (worker) => worker.unregister()),
      purge("cache", () => caches.keys(), (item) => caches.delete(item)),
      purge("database", () => indexedDB.databases(), ({ name }) =>
        new Promise((done) => {
          const deletion = indexedDB.deleteDatabase(name);
          deletion.onsuccess = deletion.onerror = deletion.onblocked = done;
        })),
    ]);
  };

  // The page around, if the server said that its user may be brought back to it: asked for once
  // more, it leads to the exit page, and is remembered.
  const page = () => {
    const { performance, location } = whole();
    const path = location.pathname + location.search;
    return local(path) && JSON.stringify(performance.getEntriesByType("navigation")).includes(`"adjourn-return"`) && path;
  };

  const depart = () => {
    if (!back && here(goal)) return renew();
    // A sandbox may keep a frame from it.
    attempt(() => whole().location.replace(origin + (back || goal)) ?? true) || location.replace(origin + goal);
  };

  // `said` is what is known of the ending; `farewell` the request that still has to bring it about.
  const finish = async (said, farewell) => {
    if (finished) return;
    finished = true;
    veil(true);
    for (const socket of sockets) attempt(() => socket.close());
    const jobs = [clear()];
    // The others hide as well, and ask if they hear no more: this tab may be closed before the answer.
    if (farewell) tell(news({ ending: true }));
    // When a log-out failed: the page that says what is true.
    if (farewell) said = await farewell().catch(() => ({ guess: true, failed: builtIn }));
    const { guess, failed } = said;
    const reason = said.reason ?? "logout";
    goal = [failed, settings.exit, said.exit, live?.exits?.[reason], live?.exits?.default, builtIn].find(local);
    // For each page to say it: the cookie of the ending tells the first alone.
    if (goal === builtIn && !guess) goal += "?reason=" + reason;
    back = said.may_return && !settings.exit && attempt(page);
    // The others come after: what the exit page tells the browser must not undo what is remembered.
    if (said.wait) jobs.push(new Promise((done) => later(done, said.wait)));
    if (!said.over) tell(news({ over: true, reason, guess, failed, exit: goal, wait: back && 0.5 }));
    emit("ended", { reason, confirmed: !guess, exit: goal, waitUntil: (job) => jobs.push(job) });
    await Promise.race([Promise.allSettled(jobs), new Promise((done) => later(done, 2))]);
    // What others wrote meanwhile.
    clear();
    depart();
  };

  // What was asked already, may have been answered before.
  const anew = async () => {
    await busy;
    await check();
  };
  const extend = async () => {
    wish = true;
    acted = clock();
    if (live) live.extended = false;
    await anew();
    return !finished && !!live?.extended;
  };
  // As the browser would send the form. (Not its property, which may be an input of that name.)
  const end = (form, pressed) =>
    finish({}, async () => {
      const reply = await call(form ? (pressed?.getAttribute("formaction") ?? form.getAttribute("action")) || location : origin + base + "end", {
        method: "POST",
        body: form && new URLSearchParams(new FormData(form, pressed)),
        keepalive: true,
        // What a redirect leads to is for the navigation.
        redirect: "manual",
      });
      if (form && reply.type === "opaqueredirect") return {};
      const said = await reply.json().catch(() => ({}));
      if (reply.ok && said?.ended != null) return said;
      // A handler of the site may answer what it likes: the status tells.
      if ((await learn("status")).state === "live") throw 0;
      return {};
    });

  // With settings, or by a script element, of which the first counts.
  const start = (given = {}) => {
    const { src = own.url, dataset } = given;
    if (base && dataset) return;
    const found = dataset ?? given;
    for (const setting in found) settings[setting] = found[setting] ?? settings[setting];
    if (base) return;
    const script = attempt(() => new URL(src));
    base = [settings.endpoints, script?.origin === origin && new URL(".", script).pathname].find(local);
    base = (base ?? "/session").replace(/\/?$/, "/");
    builtIn = base + "signed-out";
    const listen = (kind, handler) => addEventListener(kind, handler, true);
    attempt(() => {
      channel = new BroadcastChannel(base);
      channel.onmessage = ({ data }) => hear(data);
    });
    listen("storage", ({ key, newValue }) => {
      if (key === base && newValue) hear(attempt(() => JSON.parse(newValue)));
      // All was cleared, perhaps by the server's header.
      if (!key) ask();
    });
    // A page in the back/forward cache stays hidden until the server was asked anew.
    listen("pagehide", (event) => {
      if (event.persisted && (live || !(guest || isPublic()))) veil((frozen = lost = true));
    });
    listen("pageshow", async (event) => {
      if (!event.persisted) return;
      if (finished) return goal && depart();
      await busy;
      frozen = false;
      check();
    });
    for (const kind of ["focus", "online", "visibilitychange"]) listen(kind, () => document.hidden || ask());
    // Nobody is asked whether to leave.
    listen("beforeunload", (event) => finished && event.stopImmediatePropagation());
    // After the handlers of the site, which may say no.
    addEventListener("submit", (event) => {
      if (event.defaultPrevented || !event.target.matches("[data-adjourn-end]")) return;
      event.preventDefault();
      end(event.target, event.submitter);
    });
    for (const kind of ["pointerdown", "keydown"]) {
      listen(kind, (event) => {
        // Not set: not a number, and nothing is more than that.
        if (event.isTrusted && live && !warned && clock() - acted > Math.max(10, settings.activity)) extend();
      });
    }
    check();
  };

  // Colours are the browser's own, light and dark; nothing moves.
  const STYLE = `dialog{color-scheme:light dark;max-width:26em;font:1rem/1.5 system-ui}dialog::backdrop{background:#0009}button{margin-right:.5em;padding:.5em 1em;font:inherit}div{position:fixed;top:0;opacity:0}`;
  const api = (globalThis[Symbol.for("adjourn")] ??= {
    end: () => end(),
    extend,
    start,
    async fetch(...given) {
      const reply = await request(...given);
      // Perhaps it is not ours, perhaps it only wants a fresh log-in: the status tells.
      if (reply.status === 401 && new URL(reply.url).origin === origin) await anew();
      return reply;
    },
    on(event, handler) {
      const hear = ({ detail }) => handler(detail);
      bus.addEventListener(event, hear);
      return () => bus.removeEventListener(event, hear);
    },
    register(socket) {
      sockets.add(socket);
      for (const kind of ["close", "error"]) {
        socket.addEventListener(kind, () => {
          if (socket.readyState > 1) sockets.delete(socket);
          if (!fails) ask();
        });
      }
      return socket;
    },
    get left() {
      return live && Math.max(0, Math.ceil(remaining()));
    },
  });
  // The module, which waits for its `start`, may have been first.
  if (own.dataset) api.start(own);
  return api;
})(document.currentScript ?? {});
