// How the types are meant to be used, and how not: `tsc` reads it, nobody runs it. Where something is
// expected to be refused, it is an error if it is not.
import adjourn, { type Adjourn, type Ending, type Settings, type Warning } from "./adjourn.js";

const everything: Required<Settings> = {
  endpoints: "/session",
  warn: "90",
  poll: 30,
  activity: "",
  keep: ["local:theme"],
  exit: "/bye",
  public: false,
  dialog: "none",
  lang: "de",
  title: "a",
  text: "b {time}",
  final: "c {time}",
  stay: "d",
  close: "e",
  leave: "f",
  failed: "g",
};
const nothing: void = adjourn.start(everything);
adjourn.start();
adjourn.start({ keep: "local:theme", public: "" });
adjourn.start({ warn: undefined });
// @ts-expect-error: no such setting
adjourn.start({ wann: 90 });
// @ts-expect-error: events only, or not given
adjourn.start({ dialog: "own" });

const off: () => void = adjourn.on("warning", ({ left, extendable }: Warning) => {
  const seconds: number = left;
  const can: boolean = extendable;
});
adjourn.on("ended", (ending: Ending) => {
  const words: string[] = [ending.reason, ending.exit];
  const sure: boolean = ending.confirmed;
  ending.waitUntil(Promise.resolve(words));
  // @ts-expect-error: it is a fact
  ending.reason = "logout";
});
adjourn.on("extended", (detail: null) => {});
adjourn.on("login", () => {});
// @ts-expect-error: no such event
adjourn.on("logout", () => {});
// @ts-expect-error: no such detail
adjourn.on("extended", ({ left }) => left);

const socket: WebSocket = adjourn.register(new WebSocket("wss://app.example/ws"));
const source: EventSource = adjourn.register(new EventSource("/events"));
// @ts-expect-error: it cannot be closed
adjourn.register({});

async function all(): Promise<void> {
  const response: Response = await adjourn.fetch("/api/me", { method: "POST" });
  const extended: boolean = await adjourn.extend();
  const gone: void = await adjourn.end();
  const left: number | undefined = adjourn.left;
  // @ts-expect-error: the server says it
  adjourn.left = 3;
}
window.fetch = adjourn.fetch;
// Without an import, from the classic script.
const same: Adjourn = globalThis.adjourn;
