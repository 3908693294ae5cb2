// A card that shows a connection: open, or closed and why; with a button that stops and starts it.

export class Connection {
  #card;
  #open;
  #close = null;

  // `open(connection)` opens it and returns what closes it; it calls `opened` and `closed`.
  constructor(card, open) {
    this.#card = card;
    this.#open = open;
    this.#button.hidden = false;
    this.#button.addEventListener("click", () => (this.#close ? this.stop("stopped here") : this.start()));
    // A page that is left keeps nothing open, and one that is shown again starts anew.
    addEventListener("pagehide", () => this.stop("the page was left"));
    addEventListener("pageshow", (event) => event.persisted && this.start());
    this.start();
  }

  start() {
    this.#show("opening", "opening");
    this.#close = this.#open(this);
    this.#label("Stop");
  }

  // By this side.
  stop(why) {
    const close = this.#close;
    this.closed(why);
    close?.();
  }

  opened() {
    if (this.#close) this.#show("open", "open");
  }

  // By the other side, or by `stop`. The first reason stands.
  closed(why) {
    if (!this.#close) return;
    this.#close = null;
    this.#show("closed", `closed: ${why}`);
    this.#label("Start");
  }

  waiting(why) {
    if (this.#close) this.#show("opening", why);
  }

  get #button() {
    return this.#card.querySelector(".state button");
  }

  #label(text) {
    this.#button.firstChild.data = text;
  }

  #show(state, text) {
    this.#card.dataset.state = state;
    this.#card.querySelector("[data-shows=state]").textContent = text;
  }
}

// Server-sent events. `handlers` are those of the application's events; `over(reason)` is called
// when the session ended. `use` may do something with the source first.
export function events(url, handlers, over, use = (source) => source) {
  return (connection) => {
    let source, timer, pause;
    const open = () => {
      source = use(new EventSource(url));
      source.onopen = () => {
        pause = 0;
        connection.opened();
      };
      for (const [name, handle] of Object.entries(handlers)) {
        source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
      }
      // The last event of a stream whose session ended.
      source.addEventListener("session-ended", (event) => {
        const { reason } = JSON.parse(event.data);
        connection.closed(reason);
        source.close();
        over(reason);
      });
      source.onerror = () => {
        if (source.readyState !== EventSource.CLOSED) return connection.waiting("broken, opening again");
        // Refused, and the browser leaves it at that. Either the session is over, which the script of
        // every page finds out, or the server cannot tell now (503).
        connection.waiting("refused, asking again");
        adjourn.fetch("/session/status").catch(() => {});
        pause = Math.min(pause ? pause * 2 : 1, 60);
        timer = setTimeout(open, pause * 1000);
      };
    };
    open();
    return () => {
      clearTimeout(timer);
      source.close();
    };
  };
}
