// The audit trail on `/admin`.
import { Connection, events } from "./connection.js";

const MOST = 200;
const card = document.getElementById("audit");
const log = card.querySelector("ol");

// Never as HTML: there are texts of clients in it.
function element(name, className, text) {
  return Object.assign(document.createElement(name), { className, textContent: text });
}

function details({ reason, initiator, actor, note, client_address: address, count, why }) {
  const by = actor ?? initiator;
  return [
    reason && (by ? `${reason} by ${by}` : reason),
    note && `“${note}”`,
    why,
    count && `${count} times`,
    address && `from ${address}`,
  ];
}

function show(noted) {
  const line = element("li", noted.severity, "");
  const at = element("time", "", new Date(noted.at).toLocaleTimeString());
  at.dateTime = noted.at;
  const parts = details(noted).filter(Boolean).join(", ");
  line.append(at, element("strong", "", noted.event), element("span", "", noted.subject ?? ""), element("span", "hint", parts));
  log.prepend(line);
  while (log.children.length > MOST) log.lastElementChild.remove();
}

// Registered: when the session ends this page is left at once, by the script of every page.
const follow = events("/admin/events", { audit: show }, () => {}, adjourn.register);
new Connection(card, (connection) => {
  log.replaceChildren(); // it begins with the last ones again
  return follow(connection);
});
