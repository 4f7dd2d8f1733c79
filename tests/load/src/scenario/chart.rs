//! A page of charts that needs nothing but a browser.

use std::fmt::Write as _;

use super::capacity::{Capacity, Step};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 220.0;
/// Room for the numbers beside the axes.
const LEFT: f64 = 60.0;
const BELOW: f64 = 30.0;

/// What is drawn over people.
type Of = fn(&Step) -> Option<f64>;

/// The page.
pub(super) fn page(capacity: &Capacity) -> String {
    let charts: [(&str, &[(&str, Of)]); 5] = [
        (
            "share of a core",
            &[
                ("server", |step| step.figures.server_cpu_share),
                ("clients", |step| Some(step.figures.client_cpu_share)),
            ],
        ),
        (
            "sender to receiver, ms",
            &[("p50", |step| step.figures.added_ms.p50), ("p99", |step| step.figures.added_ms.p99)],
        ),
        ("loss, %", &[("loss", |step| Some(step.figures.loss * 100.0))]),
        ("join, p95 in ms", &[("join", |step| step.figures.join_ms.p95)]),
        (
            "resident memory, MB",
            &[("server", |step| step.figures.server_rss_bytes.map(|bytes| bytes as f64 / 1e6))],
        ),
    ];
    let mut out = String::from(
        "<!doctype html><meta charset=\"utf-8\"><title>Capacity</title><style>\
         body{font:15px system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem}\
         svg{width:100%;height:auto}pre{overflow:auto}text{font-size:12px}\
         .c0{stroke:#0b6;fill:#0b6}.c1{stroke:#c40;fill:#c40}.axis{stroke:#888}\
         @media(prefers-color-scheme:dark){body{background:#111;color:#eee}text{fill:#eee}}\
         </style>",
    );
    let people = capacity.people.map_or_else(|| "nobody".into(), |people| people.to_string());
    let _ = write!(out, "<h1>{:?}: {people}</h1>", capacity.scenario);
    for (title, lines) in charts {
        let _ = write!(out, "<h2>{title}</h2>{}", chart(&capacity.steps, lines));
    }
    let _ = write!(out, "<pre>{}</pre>", escaped(&capacity.to_table()));
    out
}

fn chart(steps: &[Step], lines: &[(&str, Of)]) -> String {
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max).max(1e-9);
    let right = most(&mut steps.iter().map(|step| f64::from(step.people)));
    let top = most(&mut lines.iter().flat_map(|(_, of)| steps.iter().filter_map(of)));
    let x = |people: f64| LEFT + people / right * (WIDTH - LEFT - 10.0);
    let y = |value: f64| HEIGHT - BELOW - value / top * (HEIGHT - BELOW - 20.0);
    let mut out = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">");
    let (base, end) = (y(0.0), x(right));
    let _ = write!(
        out,
        "<path class=\"axis\" fill=\"none\" d=\"M{LEFT} {} V{base} H{end}\"/>\
         <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
         <text x=\"{}\" y=\"{base}\" text-anchor=\"end\">0</text>\
         <text x=\"{end}\" y=\"{}\" text-anchor=\"end\">{right} people</text>",
        y(top),
        LEFT - 6.0,
        y(top) + 4.0,
        rounded(top),
        LEFT - 6.0,
        HEIGHT - 8.0,
    );
    for (i, (name, of)) in lines.iter().enumerate() {
        let points = steps.iter().filter_map(|step| Some((f64::from(step.people), of(step)?)));
        let points: Vec<(f64, f64)> = points.map(|(people, value)| (x(people), y(value))).collect();
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        if !path.is_empty() {
            let path = path.join(" L");
            let _ = write!(out, "<path class=\"c{i}\" style=\"fill:none\" d=\"M{path}\"/>");
        }
        for (x, y) in points {
            let _ = write!(out, "<circle class=\"c{i}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
        }
        let _ = write!(
            out,
            "<text x=\"{}\" y=\"14\"><tspan class=\"c{i}\">&#9679;</tspan> {name}</text>",
            LEFT + 90.0 * i as f64
        );
    }
    out + "</svg>"
}

fn rounded(value: f64) -> String {
    if value >= 10.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::{super::capacity::Scene, *};
    use crate::scenario::Figures;

    #[test]
    fn every_load_is_a_point_of_every_chart_that_knows_it() {
        let step = |people, share| Step {
            people,
            broken: Vec::new(),
            figures: Figures { server_cpu_share: share, ..Figures::default() },
        };
        let capacity = Capacity {
            scenario: Scene::Audio,
            people: Some(20),
            limited_by: Vec::new(),
            clients_are_the_limit: false,
            model: None,
            steps: vec![step(10, Some(0.2)), step(20, None)],
        };
        let page = page(&capacity);
        // Two of the clients, one of the server, two of the loss.
        assert_eq!(page.matches("<circle").count(), 5);
        assert!(page.contains("20 people") && !page.contains("NaN"));
    }
}
