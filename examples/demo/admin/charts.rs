//! How sessions go, from the summary of the audit trail: drawn as inline SVG, with the numbers as
//! tables for those who do not see it.

use crate::{client, page::text};
use adjourn::{
    audit::{Finding, InsightsSnapshot, MinuteCounts},
    time::Timestamp,
};
use std::time::Duration;

pub(super) fn charts(seen: &InsightsSnapshot) -> String {
    let longest = seen.lengths.iter().rposition(|(_, count)| *count > 0);
    let lengths = seen.lengths.iter().take(longest.map_or(0, |row| row + 1));
    let lengths: Vec<_> = lengths.map(length).collect();
    let sources = seen.sources.iter();
    let sources: Vec<_> = sources
        .map(|of| (of.source.to_string(), of.count))
        .collect();
    let findings: String = seen.findings.iter().map(finding).collect();
    format!(
        "{numbers}{findings}<div class=\"columns\">{timeline}{reasons}{lengths}{sources}</div>",
        numbers = numbers(seen),
        timeline = timeline(&seen.minutes),
        reasons = bars("Why sessions ended", ["Reason", "Sessions"], &seen.ended),
        lengths = bars("How long sessions lasted", ["Length", "Sessions"], &lengths),
        sources = bars(
            "Who presented refused tokens",
            ["Address", "Tokens"],
            &sources
        ),
    )
}

/// What counts most, in figures.
fn numbers(seen: &InsightsSnapshot) -> String {
    let ended: u64 = seen.ended.iter().map(|(_, count)| count).sum();
    let number = |(label, count)| format!("<div><dt>{label}</dt><dd>{count}</dd></div>");
    let numbers: String = [
        ("Started", seen.started),
        ("Ended", ended),
        ("Used after their end", seen.use_after_end),
        ("Other tokens refused", seen.refused),
    ]
    .map(number)
    .concat();
    format!("<dl class=\"numbers\">{numbers}</dl>")
}

fn finding(finding: &Finding) -> String {
    let (at, what) = match finding {
        Finding::EveryoneEnded { at_unix_millis } => (
            at_unix_millis,
            "Everybody’s sessions were ended.".to_owned(),
        ),
        Finding::ManyEndings {
            at_unix_millis,
            in_minute,
            usual,
        } => {
            let what = format!("{in_minute} sessions ended in one minute; usual are {usual}.");
            (at_unix_millis, what)
        }
        Finding::ManyTokens {
            at_unix_millis,
            source,
            count,
            use_after_end,
        } => {
            let what = format!(
                "{source} presented {count} refused tokens within ten minutes, {use_after_end} of \
                 them of ended sessions."
            );
            (at_unix_millis, what)
        }
        Finding::NobodyLogsOut {
            at_unix_millis,
            log_outs,
            endings,
        } => {
            let what = format!("Only {log_outs} of {endings} sessions ended with a log-out.");
            (at_unix_millis, what)
        }
        other => return format!("<p class=\"problem\">{}</p>", other.code()),
    };
    format!(
        "<p class=\"problem\"><strong>{}</strong> {what}</p>",
        clock(*at)
    )
}

fn length(&(up_to, count): &(Option<u64>, u64)) -> (String, u64) {
    let label = up_to.map_or_else(
        || "longer".to_owned(),
        |seconds| format!("up to {}", client::span(Duration::from_secs(seconds))),
    );
    (label, count)
}

/// A bar for each row, one below the other.
fn bars(title: &str, columns: [&str; 2], rows: &[(String, u64)]) -> String {
    let most = rows.iter().map(|(_, count)| *count).max().unwrap_or(0);
    if most == 0 {
        return figure(title, "<p class=\"hint\">None yet.</p>");
    }
    let drawn: String = (0..)
        .zip(rows)
        .map(|(row, (label, count))| bar(row * ROW, label, *count, most))
        .collect();
    let listed: Vec<_> = rows
        .iter()
        .map(|(label, count)| vec![text(label).to_string(), count.to_string()])
        .collect();
    let drawing = drawing(title, rows.len() * ROW, &drawn);
    figure(title, &(drawing + &table(&columns, &listed)))
}

fn bar(top: usize, label: &str, count: u64, most: u64) -> String {
    let width = count * 130 / most;
    format!(
        "<text x=\"0\" y=\"{base}\">{label}</text>\
         <rect class=\"bar\" x=\"150\" y=\"{top}\" width=\"{width}\" height=\"{BAR}\" rx=\"2\"/>\
         <text x=\"{after}\" y=\"{base}\">{count}</text>",
        label = text(label),
        base = top + 13,
        after = 156 + width,
    )
}

/// Starts and endings side by side, five minutes a step, the latest at the right.
fn timeline(minutes: &[MinuteCounts]) -> String {
    let title = "The last three hours";
    let mut steps: Vec<_> = minutes.rchunks(5).map(Step::of).take(STEPS).collect();
    steps.reverse();
    let most = steps.iter().map(Step::highest).max().unwrap_or(0);
    if most == 0 {
        return figure(title, "<p class=\"hint\">Nothing happened.</p>");
    }
    let first = STEPS - steps.len();
    let drawn: String = (first..)
        .zip(&steps)
        .map(|(place, step)| step.drawn(place * 9, most))
        .collect();
    let axes = format!(
        "<path class=\"axis\" d=\"M0 10.5h324M0 100.5h324\"/><text x=\"0\" y=\"7\">{most}</text>\
         <text x=\"0\" y=\"116\">3 hours ago</text>\
         <text x=\"324\" y=\"116\" text-anchor=\"end\">now</text>"
    );
    let busy = steps.iter().filter(|step| step.highest() > 0);
    let listed: Vec<_> = busy.map(Step::listed).collect();
    let columns = ["From", "Started", "User", "Time", "Others"];
    let drawing = drawing(title, 120, &(axes + &drawn));
    figure(title, &(drawing + LEGEND + &table(&columns, &listed)))
}

/// What happened in some minutes.
#[derive(Default)]
struct Step {
    from_unix_millis: u64,
    started: u64,
    /// Ended by their user, by time, by others.
    ended: [u64; 3],
}

impl Step {
    fn of(minutes: &[MinuteCounts]) -> Self {
        let mut step = Self::default();
        for minute in minutes.iter().rev() {
            step.from_unix_millis = minute.from_unix_millis;
            step.started += minute.started;
            let ended = [minute.by_user, minute.by_time, minute.by_others];
            for (sum, count) in step.ended.iter_mut().zip(ended) {
                *sum += count;
            }
        }
        step
    }

    fn highest(&self) -> u64 {
        self.started.max(self.ended.iter().sum())
    }

    /// A bar for the starts, and one of three parts for the endings.
    fn drawn(&self, left: usize, most: u64) -> String {
        let mut bars = part("fill", left, 100, height(self.started, most));
        let mut base = 100;
        for (class, count) in ["by-user", "by-time", "by-others"].iter().zip(self.ended) {
            let height = height(count, most);
            bars += &part(class, left + 4, base, height);
            base -= height;
        }
        bars
    }

    fn listed(&self) -> Vec<String> {
        let counts = [self.started].into_iter().chain(self.ended);
        [clock(self.from_unix_millis)]
            .into_iter()
            .chain(counts.map(|count| count.to_string()))
            .collect()
    }
}

const fn height(count: u64, most: u64) -> u64 {
    count * 90 / most
}

fn part(class: &str, left: usize, base: u64, height: u64) -> String {
    if height == 0 {
        return String::new();
    }
    let top = base - height;
    format!("<rect class=\"{class}\" x=\"{left}\" y=\"{top}\" width=\"4\" height=\"{height}\"/>")
}

fn figure(title: &str, content: &str) -> String {
    format!("<figure class=\"card chart\"><figcaption>{title}</figcaption>{content}</figure>")
}

fn drawing(title: &str, height: usize, drawn: &str) -> String {
    format!(
        "<svg role=\"img\" aria-label=\"{title}, as a drawing of the numbers below\" \
         viewBox=\"0 0 324 {height}\">{drawn}</svg>"
    )
}

/// The same for those who do not see the drawing, and for the curious.
fn table(columns: &[&str], rows: &[Vec<String>]) -> String {
    let head = columns
        .iter()
        .map(|column| format!("<th scope=\"col\">{column}</th>"));
    let head: Vec<_> = head.collect();
    let rows = rows
        .iter()
        .map(|row| format!("<tr><td>{}</td></tr>", row.join("</td><td>")));
    let rows: Vec<_> = rows.collect();
    format!(
        "<details><summary>The numbers</summary><table><thead><tr>{}</tr></thead>\
         <tbody>{}</tbody></table></details>",
        head.concat(),
        rows.concat(),
    )
}

/// Hours and minutes.
fn clock(unix_millis: u64) -> String {
    let at = Timestamp::from_unix_millis(unix_millis).to_string();
    let time = at.get(11..16).unwrap_or_default();
    format!("{time} UTC")
}

const LEGEND: &str = "<ul class=\"legend\"><li class=\"fill\">Started</li>\
    <li class=\"by-user\">Ended by the user</li><li class=\"by-time\">by time</li>\
    <li class=\"by-others\">by others</li></ul>";

/// How many steps three hours have.
const STEPS: usize = 36;

/// The height of a row of bars, and of the bar in it.
const ROW: usize = 24;
const BAR: usize = 17;
