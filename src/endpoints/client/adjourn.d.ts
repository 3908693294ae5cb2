/**
 * The client script of adjourn: the types of `adjourn.js` (the global `adjourn`) and of `adjourn.mjs`
 * (its default export).
 */

/**
 * The settings. In a script element they are `data-` attributes of the same names. What is undefined is
 * not given: the default, or what was given before, stays.
 */
export interface Settings {
  /** The path of the endpoints. Default: beside the script, else `/session`. */
  endpoints?: string;
  /**
   * Seconds before the end at which to warn; at least 20, else at most half of the idle timeout.
   * Default: what the server says, else 60.
   */
  warn?: number | string;
  /** Seconds between two questions to the server; at least 5. Default: 60. */
  poll?: number | string;
  /** Present: the user's activity extends the session, at most once in so many seconds (at least 10). */
  activity?: number | string;
  /** What is not cleared: `local:KEY`, `session:KEY`, `database:NAME`, `cache:NAME`, `worker:SCOPE`. */
  keep?: string | readonly string[];
  /** A path of this site to go to at the end, also where the user could be brought back. Default: what the server says. */
  exit?: string;
  /** Present (and not `false`): this page may be seen without a session. */
  public?: boolean | "";
  /** `none`: no dialog, events only. */
  dialog?: "none";
  /** The language of the texts, for screen readers and numbers. Default: `en`. */
  lang?: string;
  /** The heading of the warning. */
  title?: string;
  /** The warning; `{time}` is replaced, e.g. with `45 seconds`. */
  text?: string;
  /** The warning when the session cannot be extended; `{time}` as in `text`. */
  final?: string;
  /** The button that extends. */
  stay?: string;
  /** The button that puts the warning away when the session cannot be extended. */
  close?: string;
  /** The button that signs out. */
  leave?: string;
  /** Added to the warning while the server cannot be reached. */
  failed?: string;
}

/** It is time to warn. */
export interface Warning {
  /** Whole seconds until the end. */
  readonly left: number;
  /** Whether `extend` can move the end. */
  readonly extendable: boolean;
}

/** The session is over. The page is hidden and the clearing has begun. */
export interface Ending {
  /** A stable code: `logout`, `idle-timeout`, `absolute-timeout`, `forced`, ... */
  readonly reason: string;
  /** Whether the server said so. */
  readonly confirmed: boolean;
  /** Where the page goes now. */
  readonly exit: string;
  /** Lets the page wait for this, but no longer than two seconds for all. */
  waitUntil(job: PromiseLike<unknown>): void;
}

export interface Events {
  warning: Warning;
  /** The session was extended, here or in another tab, or lives on for another reason. */
  extended: null;
  /**
   * The server answered with another session than this page knew: somebody logged in, in whatever tab of this
   * browser. Also where the page had heard that there is none (`public`), or had heard nothing before it went into
   * the back/forward cache; else not at its first answer. If the session is another user's, or may be, the page
   * is hidden and loaded anew right after this.
   */
  login: null;
  ended: Ending;
}

/** What can be registered: `WebSocket`, `EventSource`, and what looks like them. */
export interface Closable {
  readonly readyState: number;
  close(): void;
  addEventListener(type: "close" | "error", listener: () => void): void;
}

export interface Adjourn {
  /** Starts, or changes settings later. A script element starts by itself. */
  start(settings?: Settings): void;
  /** Calls back; the answer takes the callback off again. */
  on<Name extends keyof Events>(name: Name, handler: (detail: Events[Name]) => void): () => void;
  /** `fetch`; after a 401 of this site the server is asked whether the session is over. */
  fetch: typeof globalThis.fetch;
  /** Extends the session: whether it did. */
  extend(): Promise<boolean>;
  /** Signs out: hides, ends the session on the server, clears, leaves. */
  end(): Promise<void>;
  /** Closes this at the end, and asks the server when it closes by itself. */
  register<Socket extends Closable>(socket: Socket): Socket;
  /** Whole seconds until the end, as far as the server said; undefined before it did. */
  readonly left: number | undefined;
}

declare const adjourn: Adjourn;
export default adjourn;

declare global {
  var adjourn: Adjourn;
}
