//! How many people this machine carries: more and more of them, until a bound breaks.

use std::{fmt::Write as _, path::PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{
    AudioArgs, Common, Failure, Figures, Layout, Limits, MeetArgs, Plan, Reels, WebinarArgs, chart,
    play, table::number,
};

/// The search ends when it is this near to the bound, as a share of the answer.
const NEAR: f64 = 0.05;
/// Share of a core from which on a process counts as having no more of it.
const SATURATED: f64 = 0.9;

/// What to fill the machine with, and when it is full.
#[derive(Args, Clone, Debug)]
pub struct CapacityArgs {
    /// What people do.
    #[arg(long, value_enum, default_value = "webinar")]
    pub scenario: Scene,
    /// People in each room of `meet`.
    #[arg(long, default_value_t = 6)]
    pub participants: u32,
    /// People to begin with.
    #[arg(long, default_value_t = 50)]
    pub from: u32,
    /// People with whom the search ends if nothing broke.
    #[arg(long, default_value_t = 5_000)]
    pub most: u32,
    /// Most packets that may be lost, in percent.
    #[arg(long, default_value_t = 0.5)]
    pub max_loss: f64,
    /// Most milliseconds that 99 of 100 packets may take from sender to receiver.
    #[arg(long, default_value_t = 100.0)]
    pub max_delay_ms: f64,
    /// Most freezes of a picture in a minute.
    #[arg(long, default_value_t = 1.0)]
    pub max_freezes_per_minute: f64,
    /// Most milliseconds that 95 of 100 joins may take.
    #[arg(long, default_value_t = 3_000.0)]
    pub max_join_ms: f64,
    /// File to write a page with charts to.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Where, how long, and with which media.
    #[command(flatten)]
    pub common: Common,
}

/// What people do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Scene {
    /// Rooms of people who all see and hear each other.
    Meet,
    /// One who is seen and heard, all others watch.
    Webinar,
    /// One room whose people all have their microphone on.
    Audio,
}

/// A bound that broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// Somebody did not get in, or nothing came to him.
    NotIn,
    /// Joining took too long.
    Join,
    /// Too many packets were lost.
    Loss,
    /// Packets took too long.
    Delay,
    /// Pictures froze.
    Freezes,
    /// A packet came from another room.
    WrongRoom,
}

/// One load.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// People.
    pub people: u32,
    /// The bounds that broke; none: it held.
    pub broken: Vec<Bound>,
    /// What was seen.
    pub figures: Figures,
}

/// How many it carries.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Capacity {
    /// What people did.
    pub scenario: Scene,
    /// The most people with whom every bound held; none where it held with nobody.
    pub people: Option<u32>,
    /// What broke with more.
    pub limited_by: Vec<Bound>,
    /// Whether the clients had no more processor time where it broke: then the server carries more than
    /// was seen, and how many is told by the model alone.
    pub clients_are_the_limit: bool,
    /// What the server uses, as a straight line over people.
    pub model: Option<CostModel>,
    /// Every load, in order of people.
    pub steps: Vec<Step>,
}

/// Share of a core that the server uses: `base + each * people`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CostModel {
    /// Without people.
    pub base: f64,
    /// For each.
    pub each: f64,
    /// Root of the mean square of how far it is from what was measured, as a share of that.
    pub error: f64,
    /// People with whom it uses nine tenths of a core.
    pub people_per_core: u32,
}

/// Fills the machine.
///
/// # Errors
/// [`Failure`].
pub async fn capacity(args: &CapacityArgs) -> Result<Capacity, Failure> {
    let reels = Reels::of(&args.common)?;
    let mut steps: Vec<Step> = Vec::new();
    let (mut held, mut broke) = (0, None);
    let mut people = args.from.clamp(2, args.most.max(2));
    loop {
        let step = args.step(people, &reels).await?;
        eprintln!("{}", step.to_line());
        if step.broken.is_empty() {
            held = people;
        } else {
            broke = Some(people);
        }
        steps.push(step);
        people = match broke {
            None if held >= args.most => break,
            None => held.saturating_mul(2).min(args.most),
            Some(broke) if f64::from(broke - held) <= (NEAR * f64::from(broke)).max(1.0) => break,
            Some(broke) => held.midpoint(broke),
        };
    }
    steps.sort_by_key(|step| step.people);
    let first_broken = steps.iter().find(|step| !step.broken.is_empty());
    let capacity = Capacity {
        scenario: args.scenario,
        people: (held > 0).then_some(held),
        limited_by: first_broken.map(|step| step.broken.clone()).unwrap_or_default(),
        clients_are_the_limit: first_broken.is_some_and(Step::is_limited_by_clients),
        model: CostModel::of(&steps),
        steps,
    };
    if let Some(file) = &args.html {
        std::fs::write(file, chart::page(&capacity))
            .map_err(|source| Failure::Html { path: file.clone(), source })?;
    }
    Ok(capacity)
}

impl CapacityArgs {
    async fn step(&self, people: u32, reels: &Reels) -> Result<Step, Failure> {
        let common = self.common.clone();
        let plan = match self.scenario {
            Scene::Meet => {
                let participants = self.participants.max(2);
                let rooms = people.div_ceil(participants);
                let (talkers, cameras, layout) = (1, 1.0, Layout::Three);
                let args = MeetArgs { rooms, participants, cameras, talkers, layout, common };
                Plan::meet(&args, reels)
            }
            Scene::Webinar => {
                let (video_publishers, audio_publishers, subscribers) = (1, 1, people - 1);
                let args = WebinarArgs { video_publishers, audio_publishers, subscribers, common };
                Plan::webinar(&args, reels)
            }
            Scene::Audio => {
                let (talkers, audio_slots) = (3, 3);
                let args = AudioArgs { participants: people, talkers, audio_slots, common };
                Plan::audio(&args, reels)
            }
        };
        let figures = play(&self.common, Limits::Wide, &plan).await?;
        Ok(Step { people, broken: self.broken(&figures), figures })
    }

    fn broken(&self, figures: &Figures) -> Vec<Bound> {
        let minutes = figures.seconds / 60.0;
        // Each who watches sees a picture; a camera that freezes for all of them freezes for each.
        let watchers = (figures.joined as f64).max(1.0);
        let freezes = figures.freezes as f64 / minutes.max(1e-9) / watchers;
        let over = |value: Option<f64>, most: f64| value.is_some_and(|value| value > most);
        let bounds = [
            (Bound::NotIn, figures.refused + figures.failed + figures.unserved > 0),
            (Bound::Join, over(figures.join_ms.p95, self.max_join_ms)),
            (Bound::Loss, figures.loss * 100.0 > self.max_loss),
            (Bound::Delay, over(figures.added_ms.p99, self.max_delay_ms)),
            (Bound::Freezes, freezes > self.max_freezes_per_minute),
            (Bound::WrongRoom, figures.wrong_room > 0),
        ];
        bounds.into_iter().filter_map(|(bound, broke)| broke.then_some(bound)).collect()
    }
}

impl Step {
    fn is_limited_by_clients(&self) -> bool {
        let server = self.figures.server_cpu_share.unwrap_or(0.0);
        self.figures.client_cpu_share >= SATURATED && server < SATURATED
    }

    fn to_line(&self) -> String {
        let figures = &self.figures;
        format!(
            "{:>6} people: {}; loss {:.3} %, delay p99 {} ms, join p95 {} ms, server {}, clients {:.2} of \
             a core",
            self.people,
            if self.broken.is_empty() { "held".into() } else { format!("broke {:?}", self.broken) },
            figures.loss * 100.0,
            number(figures.added_ms.p99, 1),
            number(figures.join_ms.p95, 0),
            number(figures.server_cpu_share, 2),
            figures.client_cpu_share,
        )
    }
}

impl CostModel {
    /// The straight line with the least squares through the loads that held. None with fewer than three.
    fn of(steps: &[Step]) -> Option<Self> {
        let points: Vec<(f64, f64)> = steps
            .iter()
            .filter(|step| step.broken.is_empty())
            .filter_map(|step| Some((f64::from(step.people), step.figures.server_cpu_share?)))
            .collect();
        if points.len() < 3 {
            return None;
        }
        let count = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (x, y) = (mean(|point| point.0), mean(|point| point.1));
        let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
        let slope: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
        let each = slope / spread;
        if !each.is_finite() || each <= 0.0 {
            return None;
        }
        let base = y - each * x;
        let error = |point: &(f64, f64)| ((base + each * point.0) / point.1 - 1.0).powi(2);
        let error = (points.iter().map(error).sum::<f64>() / count).sqrt();
        let people_per_core = ((SATURATED - base) / each).max(0.0) as u32;
        Some(Self { base, each, error, people_per_core })
    }
}

impl Capacity {
    /// One JSON object.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("figures are plain numbers and text")
    }

    /// Lines to read.
    pub fn to_table(&self) -> String {
        let mut out = String::new();
        for step in &self.steps {
            let _ = writeln!(out, "{}", step.to_line());
        }
        let _ = match self.people {
            Some(people) => writeln!(out, "{:?}: {people} people", self.scenario),
            None => writeln!(out, "{:?}: not even the fewest", self.scenario),
        };
        if !self.limited_by.is_empty() {
            let _ = writeln!(out, "with more broke: {:?}", self.limited_by);
        }
        if self.clients_are_the_limit {
            let _ = writeln!(out, "the clients were the limit, not the server");
        }
        if let Some(model) = self.model {
            let _ = writeln!(
                out,
                "server: {:.4} + {:.6} x people of a core (error {:.1} %): {} people for 0.9 of one",
                model.base,
                model.each,
                model.error * 100.0,
                model.people_per_core
            );
        }
        out.truncate(out.trim_end().len());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(people: u32, share: f64, broken: Vec<Bound>) -> Step {
        let figures = Figures { server_cpu_share: Some(share), ..Figures::default() };
        Step { people, broken, figures }
    }

    #[test]
    fn the_cost_of_a_person_is_the_slope_of_the_loads_that_held() {
        let steps = [
            step(100, 0.12, vec![]),
            step(200, 0.22, vec![]),
            step(400, 0.42, vec![]),
            step(800, 1.0, vec![Bound::Delay]),
        ];
        let model = CostModel::of(&steps).unwrap();
        assert!((model.each - 0.001).abs() < 1e-9 && (model.base - 0.02).abs() < 1e-9);
        assert!(model.error < 1e-9);
        assert_eq!(model.people_per_core, 880);
        assert_eq!(CostModel::of(&steps[..2]), None, "a line through two points has no error");
    }

    #[test]
    fn clients_without_time_are_told_from_a_server_without_time() {
        let limited = |server, clients| {
            let mut step = step(10, server, vec![Bound::Loss]);
            step.figures.client_cpu_share = clients;
            step.is_limited_by_clients()
        };
        assert!(limited(0.4, 0.97));
        assert!(!limited(0.95, 0.97));
        assert!(!limited(0.95, 0.5));
    }
}
