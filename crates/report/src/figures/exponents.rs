//! What the draws of a fit say of its exponents and its floor together: a panel for each pair, with published values.

use isoflop::fit::Joint;
use isoflop::law::PUBLISHED;
use isoflop::{Estimate, Fit};

use crate::figure::{Axis, Color, Dot, Figure, Mark, Marker, Panel, Quantity, Size};
use crate::numbers::{self, Rounded};
use crate::words;

use super::shared;

/// The pairs worth seeing, of the names that laws use.
const PAIRS: [(&str, &str); 6] =
    [("alpha", "beta"), ("alpha", "E"), ("beta", "E"), ("a", "gamma"), ("a", "E"), ("gamma", "E")];
/// Levels of the ellipses.
const LEVELS: [f64; 2] = [0.5, 0.9];
/// Points around an ellipse.
const CORNERS: usize = 72;
/// Draws that are shown.
const DRAWS: usize = 150;
/// A published value farther from the middle than so many times the spread of the draws is not shown: it would squeeze them into a dot.
const FAR: f64 = 12.0;

/// The draws of exponents and floor in pairs, with the ellipses of a normal distribution that hold half and nine tenths of them, and published
/// values; `None` where the law has none of the pairs.
///
/// `alpha` and `beta` are powers of size and tokens, `E` the floor, `a` the power of compute by which the best size grows and `gamma` that by which
/// the loss above the floor falls.
///
/// # Example
/// ```
/// use isoflop::{Fit, law::published};
/// use isoflop_report::exponents;
///
/// let figure = exponents(&Fit::from_published(published("besiroglu2024").unwrap()), 0.9);
/// assert_eq!(figure.map(|figure| figure.panels.len()), Some(6));
/// assert!(exponents(&Fit::from_published(published("kaplan2020-compute").unwrap()), 0.9).is_none());
/// ```
pub fn exponents(fit: &Fit, level: f64) -> Option<Figure> {
    let literature = literature();
    let pairs: Vec<Pair> = PAIRS.iter().filter_map(|names| Pair::of(fit, *names, level)).collect();
    let first = pairs.first()?;
    let title = match &first.joint {
        Some(joint) => {
            format!("{} and {} of the law are correlated by {:+.2}", first.names.0, first.names.1, joint.correlation)
        }
        None => "Exponents and floor of the law".to_owned(),
    };
    let panels: Vec<Panel> = pairs.iter().map(|pair| pair.panel(&literature)).collect();
    let left_out = pairs.iter().map(|pair| literature.iter().filter(|fit| pair.is_far(fit)).count()).max().unwrap_or(0);
    let a = fit.derived(level).into_iter().find(|(name, _)| *name == "a");
    let subtitle = a.map_or_else(String::new, |(_, a)| {
        format!("Best size grows as compute^{}", Rounded::parameter(&a).sentence(level))
    });
    Some(Figure { title, subtitle, caption: caption(fit, left_out), panels, columns: 3, width: 960.0 })
}

/// Two quantities of a fit.
struct Pair {
    names: (&'static str, &'static str),
    /// Draw by draw.
    draws: Vec<(f64, f64)>,
    joint: Option<Joint>,
    centre: (Estimate, Estimate),
    level: f64,
}

/// Published sets of coefficients with an author and a year; other editions of the same are left out.
fn literature() -> Vec<(&'static str, Fit)> {
    let editions = PUBLISHED.iter().filter(|set| !set.name.contains('-'));
    editions.map(|set| (set.name, Fit::from_published(set))).collect()
}

/// A parameter of a fit, or what follows from its parameters.
fn central(fit: &Fit, name: &str, level: f64) -> Option<Estimate> {
    let parameter = fit.parameters(level).into_iter().find(|(parameter, _)| parameter == name);
    let derived = || fit.derived(level).into_iter().find(|(derived, _)| *derived == name).map(|(_, value)| value);
    parameter.map(|(_, value)| value).or_else(derived)
}

impl Pair {
    fn of(fit: &Fit, names: (&'static str, &'static str), level: f64) -> Option<Self> {
        let centre = (central(fit, names.0, level)?, central(fit, names.1, level)?);
        let draws: Vec<(f64, f64)> = fit.drawn(names.0)?.into_iter().zip(fit.drawn(names.1)?).collect();
        Some(Self { names, joint: Joint::of(&draws), draws, centre, level })
    }

    /// Where a published fit stands; `None` where it has not both.
    fn place(&self, fit: &Fit) -> Option<(f64, f64)> {
        Some((central(fit, self.names.0, self.level)?.value, central(fit, self.names.1, self.level)?.value))
    }

    /// Whether a published fit stands too far off to be shown.
    fn is_far(&self, (_, fit): &(&str, Fit)) -> bool {
        let Some(((x, y), joint)) = self.place(fit).zip(self.joint) else { return false };
        (x - joint.means.0).abs() > FAR * joint.deviations.0 || (y - joint.means.1).abs() > FAR * joint.deviations.1
    }

    fn panel(&self, literature: &[(&'static str, Fit)]) -> Panel {
        let axis = |name: &str| Axis::linear(name, Quantity::Plain);
        let mut panel = Panel { height: 230.0, ..Panel::new(axis(self.names.0), axis(self.names.1)) };
        let color = Color::class(0, 1);
        let every = self.draws.len().div_ceil(DRAWS).max(1);
        let dots = self.draws.iter().step_by(every).map(|(x, y)| Dot::at(*x, *y)).collect();
        panel.push(Mark::dots("draws", Color::Muted, Marker::Circle, dots).sized(Size::Small));
        if let Some(joint) = &self.joint {
            for level in LEVELS {
                panel.push(Mark::region(numbers::level(level), color, joint.ellipse(level, CORNERS)));
            }
        }
        let near = literature.iter().filter(|published| !self.is_far(published));
        let dot = |(name, fit): &(&str, Fit)| {
            let (x, y) = self.place(fit)?;
            Some(Dot::at(x, y).named(*name).labelled(*name))
        };
        panel.push(Mark::dots("published", Color::Accent, Marker::Cross, near.filter_map(dot).collect()));
        let (x, y) = (&self.centre.0, &self.centre.1);
        let words = |name: &str, value: &Estimate| format!("{name} {}", Rounded::parameter(value).sentence(self.level));
        let centre = Dot::at(x.value, y.value).named(format!("{}, {}", words(self.names.0, x), words(self.names.1, y)));
        panel.push(Mark::dots("this fit", Color::Ink, Marker::Diamond, vec![centre]));
        panel
    }
}

fn caption(fit: &Fit, left_out: usize) -> String {
    let draws = match fit.draws().len() {
        0 => format!("{}.", words::NO_INTERVAL),
        _ => format!(
            "Grey dots: some of {}; ellipses: a normal distribution with their moments, {} and {} of it inside.",
            words::draws(fit),
            numbers::level(LEVELS[0]),
            numbers::level(LEVELS[1])
        ),
    };
    let left_out = match left_out {
        0 => String::new(),
        count => format!(", {count} of them too far off to be shown in every panel"),
    };
    format!(
        "Diamond: this fit. {draws} Crosses: published fits, of other runs on other texts{left_out}; a floor E depends on text and tokenizer. \
         alpha, beta: powers of N and D; a: power of C by which the best size grows; gamma: power of C by which the best loss falls towards E. Law: {}, {}. {}",
        fit.law().formula(),
        shared::method(fit),
        shared::conventions(fit)
    )
}
