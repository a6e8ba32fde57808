//! What a lab is going to train, before it does: the machine, the runs, the time they take, and what they are expected to tell.

use serde::Serialize;

use super::Page;
use crate::escape;
use crate::numbers;
use crate::table::{Align, Table};

/// A lab's plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabPlan {
    /// `isoflop.lab-plan/1`.
    pub schema: &'static str,
    /// What the text is, in words.
    pub text: String,
    /// Seconds that were given.
    pub given_seconds: f64,
    /// Seconds that everything is expected to take, what was done already included.
    pub expected_seconds: f64,
    /// Cores that train.
    pub cores: usize,
    /// Each recipe's runs.
    pub recipes: Vec<PlannedRecipe>,
    /// How often the ladder that fits the time would have read the text, where a smaller one was taken for that.
    pub text_limit: Option<f64>,
    /// Level of the expected interval.
    pub level: f64,
}

/// What is planned for one recipe.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedRecipe {
    /// Its name.
    pub name: String,
    /// The machine's speed at it, by rising cost of a token.
    pub speeds: Vec<PlannedSpeed>,
    /// Speed of one run on all cores over the sum of the cores' speeds with a run each.
    pub together: f64,
    /// The runs to fit.
    pub runs: Vec<PlannedRun>,
    /// The run that checks them, at the size expected to be best.
    pub validation: PlannedRun,
    /// Half the expected interval of the validation run's ln loss, before and after the others.
    pub half_width: Option<(f64, f64)>,
}

/// A measured speed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PlannedSpeed {
    /// FLOPs that training on a token costs.
    pub flops_per_token: f64,
    /// Tokens per second of a core.
    pub tokens_per_second: f64,
}

/// A run that is planned.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedRun {
    /// Its name.
    pub name: String,
    /// Its compute, 6ND.
    pub flops: f64,
    /// Its parameters.
    pub params: f64,
    /// Its tokens.
    pub tokens: f64,
    /// Seconds it is expected to take.
    pub seconds: f64,
    /// Its seed.
    pub seed: u64,
}

/// A lab's plan, for people.
pub fn lab_plan(plan: &LabPlan) -> String {
    let mut page = Page::default();
    let several = plan.recipes.len() > 1;
    let recipes = if several { format!(" of each of {} recipes", plan.recipes.len()) } else { String::new() };
    // The same budgets and sizes for each.
    let runs = plan.recipes.first().map_or(0, |recipe| recipe.runs.len());
    page.answer(&format!(
        "{runs} runs{recipes} to fit, then one of {} the largest to check the law: {} of the {} given",
        numbers::factor(plan.recipes.first().map_or(0.0, reach)),
        duration(plan.expected_seconds),
        duration(plan.given_seconds)
    ));
    for recipe in &plan.recipes {
        if several {
            page.remark(&format!("recipe {}", escape::shorten(&recipe.name, 40)));
        }
        page.table(&table(recipe));
    }
    let mut facts = vec![("text", plan.text.clone())];
    for recipe in &plan.recipes {
        let name = if several { format!("{}, ", escape::shorten(&recipe.name, 40)) } else { String::new() };
        facts.push(("machine", format!("{name}{}", speed(recipe, plan.cores))));
    }
    if let Some(epochs) = plan.text_limit {
        facts.push((
            "text limit",
            format!(
                "the ladder that fits the time would read this text {} times; a smaller one is trained, of text that is read once",
                numbers::general(epochs, 2)
            ),
        ));
    }
    // The same for recipes of the same sizes.
    if let Some((before, after)) = plan.recipes.first().and_then(|recipe| recipe.half_width) {
        facts.push((
            "expected",
            format!(
                "the big run's loss to within {} either way at {} at best, from {} before any run: what a published law in doubt would learn, its form taken as right",
                numbers::percent(after),
                numbers::level(plan.level),
                numbers::percent(before)
            ),
        ));
    }
    page.facts(&facts);
    page.text
}

/// One line for each budget and setting with several seeds, and one for the validation run.
fn table(recipe: &PlannedRecipe) -> Table {
    let mut table = Table::new([
        ("FLOP each", Align::Right),
        ("runs", Align::Right),
        ("params", Align::Right),
        ("tokens", Align::Right),
        ("tokens/param", Align::Right),
        ("each takes", Align::Right),
        ("is for", Align::Left),
    ]);
    let mut row = |runs: &[&PlannedRun], purpose: &str| {
        let range = |of: &dyn Fn(&PlannedRun) -> f64, text: &dyn Fn(f64) -> String| {
            let ends = runs.iter().map(|run| of(run));
            let (low, high) = ends.fold((f64::INFINITY, 0.0f64), |(low, high), x| (low.min(x), high.max(x)));
            let (low, high) = (text(low), text(high));
            if low == high { low } else { format!("{low} - {high}") }
        };
        table.row([
            &range(&|run| run.flops, &|flops| numbers::compute(flops, 2)),
            &numbers::whole(runs.len()),
            &range(&|run| run.params, &numbers::count),
            &range(&|run| run.tokens, &numbers::count),
            &range(&|run| run.tokens / run.params, &|ratio| numbers::general(ratio, 2)),
            &range(&|run| run.seconds, &duration),
            purpose,
        ]);
    };
    let first = recipe.runs.first().map_or(0, |run| run.seed);
    let (ladder, repeats): (Vec<&PlannedRun>, Vec<&PlannedRun>) = recipe.runs.iter().partition(|run| run.seed == first);
    for budget in ladder.chunk_by(|one, other| (one.flops / other.flops).ln().abs() < 0.1) {
        row(budget, "the law");
    }
    if !repeats.is_empty() {
        row(&repeats, "noise: other seeds of one of these");
    }
    row(&[&recipe.validation], "the check, on all cores");
    table
}

/// Compute of the validation run over that of the largest other.
fn reach(recipe: &PlannedRecipe) -> f64 {
    recipe.validation.flops / recipe.runs.iter().map(|run| run.flops).fold(f64::MIN_POSITIVE, f64::max)
}

fn speed(recipe: &PlannedRecipe, cores: usize) -> String {
    let of = |speed: &PlannedSpeed| {
        format!(
            "{} tokens a second at {} FLOP a token ({} GFLOP/s)",
            numbers::count(speed.tokens_per_second),
            numbers::count(speed.flops_per_token),
            numbers::general(1e-9 * speed.tokens_per_second * speed.flops_per_token, 2)
        )
    };
    let speeds: Vec<String> = recipe.speeds.iter().map(of).collect();
    let together = match cores {
        1 => String::new(),
        _ => format!("; one run on all of them has {} of their sum", numbers::percent(recipe.together)),
    };
    let each = if cores == 1 { "one core".to_owned() } else { format!("each of {cores} cores, all busy") };
    format!("{each}: {}{together}", speeds.join(", "))
}

/// Seconds as people say them: `8 s`, `2 min 5 s`, `1 h 40 min`.
fn duration(seconds: f64) -> String {
    if seconds < 9.95 {
        return format!("{} s", numbers::general(seconds, 2));
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 if whole.is_multiple_of(60) => format!("{} min", whole / 60),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => {
            let minutes = whole.div_ceil(60);
            if minutes.is_multiple_of(60) {
                format!("{} h", minutes / 60)
            } else {
                format!("{} h {} min", minutes / 60, minutes % 60)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        let texts = [0.123, 4.0, 59.6, 65.0, 600.0, 3_599.0, 3_600.0, 36_061.0].map(duration);
        assert_eq!(texts, ["0.12 s", "4.0 s", "1 min", "1 min 5 s", "10 min", "59 min 59 s", "1 h", "10 h 2 min"]);
    }
}
