import assert from "node:assert/strict";
import test from "node:test";
import { World, settle } from "./world.mjs";

// R-12-1
test("warns a minute before the idle timeout, and not before", async () => {
  const world = new World();
  const tab = await world.open();
  await world.advance(838);
  assert.equal(tab.dialog, undefined);
  await world.advance(3.5);
  assert.ok(tab.dialog);
  assert.equal(tab.text, "You will be signed out in 59 seconds.");
});

// R-12-1
test("the time to react is what the server or the site says, and never under 20 seconds", async () => {
  for (const [server, attribute, lead] of [
    [60, undefined, 60],
    [45, undefined, 45],
    [60, "120", 120],
    [60, "5", 20],
    [60, "nonsense", 60],
    [3, undefined, 20],
    [undefined, undefined, 60],
  ]) {
    const world = new World({ warn: server });
    const tab = await world.open({ attributes: attribute ? { warn: attribute } : {} });
    await world.advance(900 - lead - 3);
    assert.equal(tab.dialog, undefined, `${server} ${attribute}`);
    await world.advance(4);
    assert.ok(tab.dialog, `${server} ${attribute}`);
  }
});

// R-12-1
test("the greater part of the idle timeout is without a warning, whatever the site says", async () => {
  for (const [idle, attribute, lead] of [
    [900, "600", 450],
    [900, "900", 450],
    [900, "100000", 450],
    [60, "60", 30],
    [30, "30", 20],
    [null, "600", 600],
  ]) {
    const world = new World({ idle, absolute: idle ? 28800 : 900 });
    const tab = await world.open({ attributes: { warn: attribute } });
    const quiet = (idle ?? 900) - lead;
    for (let round = 0; round < 2; round++) {
      await world.advance(quiet - 3);
      assert.equal(tab.dialog, undefined, `${idle} ${attribute}`);
      await world.advance(4);
      assert.ok(tab.dialog, `${idle} ${attribute}`);
      if (!idle) break;
      tab.part("stay").click();
      await settle();
      assert.equal(tab.dialog, undefined, "extended, it goes");
    }
  }
});

// R-12-3
test("asking the server does not keep the session alive", async () => {
  const world = new World();
  const tab = await world.open();
  await world.advance(902);
  assert.ok(world.asked() > 10);
  assert.equal(world.asked("extend"), 0);
  assert.equal(world.reason, "idle-timeout");
  assert.deepEqual(tab.went, ["/bye/idle"]);
});

// R-12-2
test("one click extends, and the dialog goes with the focus where it was", async () => {
  const world = new World();
  const tab = await world.open();
  await world.advance(850);
  assert.equal(tab.focus, tab.part("stay"));
  tab.part("stay").click();
  await settle();
  assert.equal(world.asked("extend"), 1);
  assert.equal(tab.dialog, undefined);
  assert.equal(tab.host, undefined);
  assert.equal(tab.focus, "the page");
  assert.equal(tab.adjourn.left, 900);
});

// R-12-1
test("can be extended again and again until the absolute timeout", async () => {
  const world = new World({ absolute: 15000 });
  const tab = await world.open();
  for (let i = 0; i < 12; i++) {
    await world.advance(850);
    tab.part("stay").click();
    await settle();
    assert.equal(tab.dialog, undefined, `${i}`);
  }
  assert.equal(world.asked("extend"), 12);
});

test("Escape extends: somebody is there", async () => {
  const world = new World();
  const tab = await world.open();
  await world.advance(850);
  const event = new Event("cancel", { cancelable: true });
  tab.dialog.oncancel(event);
  await settle();
  assert.ok(event.defaultPrevented);
  assert.equal(world.asked("extend"), 1);
  assert.equal(tab.dialog, undefined);
});

test("the other button signs out", async () => {
  const world = new World();
  const tab = await world.open();
  await world.advance(850);
  tab.part("leave").click();
  await world.advance(3);
  assert.equal(world.reason, "logout");
  assert.deepEqual(tab.went, ["/session/signed-out?reason=logout"]);
});

// R-12-6
test("is an alert dialog with a name, a description and a language", async () => {
  const world = new World();
  const tab = await world.open();
  await world.advance(850.5);
  const { attributes } = tab.dialog;
  assert.equal(attributes.role, "alertdialog");
  assert.equal(tab.part(attributes["aria-labelledby"]).textContent, "Still there?");
  assert.match(tab.part(attributes["aria-describedby"]).textContent, /50 seconds/);
  assert.equal(tab.host.attributes.lang, "en");
  const [sheet] = tab.host.shadow.adoptedStyleSheets;
  assert.match(sheet.text, /color-scheme: ?light dark/);
  assert.doesNotMatch(sheet.text, /animation|transition/, "nothing moves");
});

// R-12-6
test("is announced at marks and not every second", async () => {
  const world = new World();
  const tab = await world.open();
  await world.advance(841);
  const host = tab.host;
  const spoken = host.shadow.children[0].children.find((child) => child.attributes["aria-live"]);
  const shown = tab.part("b");
  await world.advance(58);
  assert.ok(shown.texts.length > 50, "counts down for the eye");
  assert.deepEqual(spoken.texts.map((text) => text.match(/\d+/)[0]), ["30", "10"]);
});

test("every text can be replaced, and the numbers follow the language", async () => {
  const world = new World({ warn: 240 });
  const attributes = {
    lang: "de",
    title: "Noch da?",
    text: "Abmeldung in {time}.",
    stay: "Angemeldet bleiben",
    leave: "Abmelden",
    failed: "Keine Verbindung.",
  };
  const tab = await world.open({ attributes });
  await world.advance(700);
  assert.equal(tab.part("a").textContent, "Noch da?");
  assert.equal(tab.text, "Abmeldung in 4 Minuten.");
  assert.equal(tab.part("stay").textContent, "Angemeldet bleiben");
  assert.equal(tab.part("leave").textContent, "Abmelden");
  assert.equal(tab.host.attributes.lang, "de");
  await world.advance(130.5);
  assert.equal(tab.text, "Abmeldung in 70 Sekunden.");
  world.mode = "down";
  await world.advance(20);
  assert.match(tab.text, /Keine Verbindung\.$/);
});

test("before the absolute timeout it says so, and can be put away", async () => {
  const world = new World({ idle: null, absolute: 500 });
  const tab = await world.open();
  const warnings = [];
  tab.adjourn.on("warning", (detail) => warnings.push({ ...detail }));
  await world.advance(450.5);
  assert.equal(tab.text, "Your session ends in 50 seconds.");
  assert.equal(tab.part("stay").textContent, "Close");
  assert.deepEqual(warnings.map((warning) => warning.extendable), [false]);
  tab.part("stay").click();
  await world.advance(20);
  assert.equal(tab.dialog, undefined, "the work can be saved");
  assert.equal(world.asked("extend"), 0);
  await world.advance(40);
  assert.deepEqual(tab.went, ["/session/signed-out?reason=absolute-timeout"]);
});

test("a site with its own dialog gets events only", async () => {
  const world = new World();
  const tab = await world.open({ attributes: { dialog: "none" } });
  const events = [];
  for (const name of ["warning", "extended", "ended"]) tab.adjourn.on(name, (detail) => events.push([name, { ...detail }]));
  await world.advance(850);
  assert.equal(tab.host, undefined);
  assert.deepEqual(events, [["warning", { left: 60, extendable: true }]]);
  assert.equal(tab.adjourn.left, 50);
  assert.equal(await tab.adjourn.extend(), true);
  assert.deepEqual(events.at(-1), ["extended", {}]);
  await world.advance(902);
  assert.deepEqual(events.map(([name]) => name), ["warning", "extended", "warning", "ended"]);
});

test("an extension that failed is told as one, and not made up for", async () => {
  const world = new World();
  const tab = await world.open();
  assert.equal(await tab.adjourn.extend(), true);
  await world.advance(10);
  world.mode = "500";
  assert.equal(await tab.adjourn.extend(), false);
  const page = await world.open({ attributes: { public: "" } });
  world.mode = "ok";
  world.endNow("logout");
  assert.equal(await page.adjourn.extend(), false);
  world.logIn();
  const before = world.asked("extend");
  await world.advance(10);
  page.fire("focus");
  await world.advance(10);
  assert.equal(world.asked("extend"), before, "nobody is there");
});

test("activity elsewhere is noticed before anybody is warned", async () => {
  const world = new World();
  const tab = await world.open();
  await world.advance(800);
  world.session.seen = world.now;
  await world.advance(800);
  assert.equal(tab.dialog, undefined);
  await world.advance(50);
  assert.ok(tab.dialog);
  world.session.seen = world.now;
  await world.advance(12);
  assert.equal(tab.dialog, undefined, "and while it lasts");
});

test("the deadline is the server's, whatever the clock of the machine says", async () => {
  for (const skew of [-7 * 3600, 7 * 3600]) {
    const world = new World();
    const tab = await world.open({ skew });
    await world.advance(838);
    assert.equal(tab.dialog, undefined, `${skew}`);
    await world.advance(4);
    assert.ok(tab.dialog, `${skew}`);
  }
});

test("a clock that is set while the page is open ends nothing and hides nothing for long", async () => {
  for (const jump of [-7 * 3600, 7 * 3600]) {
    const world = new World();
    const tab = await world.open();
    await world.advance(100);
    tab.skew += jump;
    await world.advance(12);
    assert.equal(tab.hidden, false, `${jump}`);
    assert.deepEqual(tab.went, []);
    await world.advance(729);
    assert.ok(tab.dialog, `${jump}`);
  }
});

test("user activity extends only where the site says so", async () => {
  const world = new World();
  const tab = await world.open();
  await world.advance(100);
  tab.act();
  await settle();
  assert.equal(world.asked("extend"), 0);
});

test("user activity extends, throttled", async () => {
  const world = new World();
  const tab = await world.open({ attributes: { activity: "60" } });
  for (let i = 0; i < 300; i++) {
    await world.advance(1);
    tab.act(i % 2 ? "keydown" : "pointerdown");
  }
  await settle();
  assert.equal(world.asked("extend"), 4);
  assert.equal(tab.adjourn.left > 840, true);
});

test("the throttle is at least 10 seconds", async () => {
  const world = new World();
  const tab = await world.open({ attributes: { activity: "1" } });
  for (let i = 0; i < 60; i++) {
    await world.advance(1);
    tab.act();
  }
  assert.ok(world.asked("extend") <= 6 && world.asked("extend") >= 5, `${world.asked("extend")}`);
});

test("activity that a script made up does not extend, nor does any while warning", async () => {
  const world = new World();
  const tab = await world.open({ attributes: { activity: "60" } });
  await world.advance(100);
  tab.act("keydown", false);
  await settle();
  assert.equal(world.asked("extend"), 0);
  await world.advance(745);
  assert.ok(tab.dialog);
  tab.act();
  await settle();
  assert.equal(world.asked("extend"), 0, "the dialog asks for a decision");
});

test("an extension by activity that failed is not made up for when nobody may be there", async () => {
  const world = new World();
  const tab = await world.open({ attributes: { activity: "60" } });
  await world.advance(100);
  world.mode = "down";
  tab.act();
  await settle();
  world.mode = "ok";
  await world.advance(60);
  assert.equal(world.log.filter((entry) => entry.path === "/session/extend" && entry.mode === "ok").length, 0);
});

test("a hidden tab whose chain of timers runs once a minute still asks, warns and ends in time", async () => {
  for (const mode of ["ok", "down"]) {
    const world = new World({ idle: 300 });
    const tab = await world.open();
    tab.document.hidden = true;
    const warned = [];
    tab.adjourn.on("warning", () => warned.push(world.now - 1000));
    // Of the timers of now those alone that are not part of the chain: what they arm comes too late.
    const single = world.timers.filter((timer) => timer.at > world.now + 200);
    world.mode = mode;
    for (const [from, until] of [[0, 230.5], [230.5, 240.5], [240.5, 300.5], [300.5, 301.5]]) {
      world.timers = single.filter((timer) => timer.at - 1000 > from);
      await world.advance(until - from);
      if (until === 230.5) assert.equal(world.log.at(-1).at > 1230, true, "asked before it warns");
      if (until === 240.5) assert.deepEqual(warned.map(Math.floor), [240]);
      if (mode === "down" || until > 301) assert.equal(tab.hidden, until === 301.5, `${mode} ${until}`);
    }
    await world.advance(2);
    assert.deepEqual(tab.went, mode === "ok" ? ["/bye/idle"] : []);
  }
});

test("a warning stays although the next answer was faster", async () => {
  const world = new World();
  const tab = await world.open();
  await world.advance(839.5);
  const events = [];
  for (const name of ["warning", "extended"]) tab.adjourn.on(name, () => events.push(name));
  await world.advance(1);
  world.session.seen += 0.9;
  tab.fire("focus");
  await world.advance(3);
  assert.deepEqual(events, ["warning"]);
});

test("a language that is none still warns, in the browser's", async () => {
  for (const lang of ["de_DE", "pt_BR", ""]) {
    const world = new World();
    const tab = await world.open({ attributes: { lang } });
    await world.advance(850);
    assert.match(tab.text, /^You will be signed out in .*5\d/, lang);
  }
});

test("a deadline in a month fires nothing now", async () => {
  const world = new World({ idle: null, absolute: 30 * 86400 });
  const tab = await world.open();
  await world.advance(30);
  assert.equal(world.asked(), 1);
  assert.equal(tab.hidden, false);
});
