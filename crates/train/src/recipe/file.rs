//! Recipes as text: TOML that a person reads and writes, and those that are built in.

use isoflop::names::UnknownName;

use super::rules::{DepthRule, ModelRule};
use super::{Recipe, RecipeError, Tuning};
use crate::corpus::TokenizerKind;

/// A key, its value, whether it will do, and what would.
type Number = (&'static str, f64, bool, &'static str);

/// The recipes that are built in, by name.
const BUILT_IN: [(&str, &str); 3] = [
    ("default", include_str!("../../../../data/recipes/default.toml")),
    ("muon", include_str!("../../../../data/recipes/muon.toml")),
    ("gpt2-like", include_str!("../../../../data/recipes/gpt2-like.toml")),
];

impl Recipe {
    /// Names of the recipes that are built in: the default; the same with Muon; the block of
    /// GPT-2 (plain, gelu, tied head) with this trainer's norms and positions.
    pub const NAMES: [&str; BUILT_IN.len()] = [BUILT_IN[0].0, BUILT_IN[1].0, BUILT_IN[2].0];

    /// The built-in recipe called `name`.
    ///
    /// # Errors
    /// [`RecipeError::Unknown`], which names those there are.
    pub fn named(name: &str) -> Result<Self, RecipeError> {
        match BUILT_IN.iter().find(|(known, _)| *known == name) {
            Some((name, text)) => Self::from_toml(text, name),
            None => Err(UnknownName::new("recipe", name, Self::NAMES).into()),
        }
    }

    /// The recipe that `text` describes, checked; `origin` is what error messages call it. What is left out is as in the default, but
    /// for the name of a recipe that differs from it: that is then `origin`, so that no table calls two recipes the same.
    ///
    /// # Errors
    /// [`RecipeError::Toml`] for text that is no TOML and for unknown keys, with the line and what may stand there;
    /// those of [`check`](Self::check).
    ///
    /// # Example
    /// ```
    /// use isoflop_train::Recipe;
    /// let recipe = Recipe::from_toml("context = 256\n[model]\ndepth = { width_per_layer = 64 }\n", "mine.toml")?;
    /// assert_eq!((recipe.context, recipe.architecture(192).depth), (256, 3));
    /// let refused = Recipe::from_toml("[optimizer]\nrate = 1e-3\n", "mine.toml").unwrap_err().to_string();
    /// assert!(refused.contains("unknown field `rate`, expected one of `hidden_rate`"), "{refused}");
    /// # Ok::<(), isoflop_train::RecipeError>(())
    /// ```
    pub fn from_toml(text: &str, origin: &str) -> Result<Self, RecipeError> {
        let default = Self::default();
        let mut recipe: Self = toml::from_str(text)
            .map_err(|source| RecipeError::Toml { origin: origin.to_owned(), source: Box::new(source) })?;
        recipe.check()?;
        if recipe.name == default.name && recipe != default {
            recipe.name = origin.to_owned();
        }
        Ok(recipe)
    }

    /// The recipe as TOML, every key written: [`from_toml`](Self::from_toml) gives the same recipe back.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a recipe is tables of numbers, words and switches, all of which TOML has")
    }

    /// Whether every number is in its range.
    ///
    /// # Errors
    /// [`RecipeError::OutOfRange`] and [`RecipeError::Optimizer`], which name the key and what it may be.
    pub fn check(&self) -> Result<(), RecipeError> {
        let tuning = self.tuning.iter().flat_map(tuning_numbers);
        let numbers = self.model_numbers().into_iter().chain(self.training_numbers()).chain(tuning);
        if let Some((key, value, _, allowed)) = numbers.into_iter().find(|(_, _, holds, _)| !holds) {
            return Err(RecipeError::OutOfRange { key, allowed, value });
        }
        self.optimizer.adamw(self.optimizer.hidden_rate).check().map_err(RecipeError::Optimizer)
    }

    /// What the model is made from. The upper ends keep counts of parameters exact.
    fn model_numbers(&self) -> [Number; 5] {
        let ModelRule { depth, head_width, feed_forward, .. } = &self.model;
        let depth = match *depth {
            DepthRule::Layers(layers) => {
                ("model.depth.layers", layers as f64, (1..=1000).contains(&layers), "1 to 1000")
            }
            DepthRule::WidthPerLayer(width) => {
                ("model.depth.width_per_layer", width, width >= 1.0 && width.is_finite(), "finite and at least 1")
            }
        };
        let vocabulary = match self.tokenizer {
            TokenizerKind::Bytes => true,
            TokenizerKind::Bpe { vocabulary } => TokenizerKind::BPE_VOCABULARIES.contains(&vocabulary),
        };
        let head = head_width.is_multiple_of(2) && (2..=4096).contains(head_width);
        let ratio = feed_forward.ratio > 0.0 && feed_forward.ratio <= 64.0;
        [
            ("context", self.context as f64, (1..=1 << 20).contains(&self.context), "1 to 1048576"),
            ("tokenizer.bpe.vocabulary", self.vocabulary() as f64, vocabulary, TokenizerKind::BPE_ALLOWED),
            depth,
            ("model.head_width", *head_width as f64, head, "even, and 2 to 4096"),
            ("model.feed_forward.ratio", feed_forward.ratio, ratio, "above 0 and at most 64"),
        ]
    }

    /// What it is trained by, without the optimizer's own constants.
    fn training_numbers(&self) -> [Number; 8] {
        let Self { batch, schedule, optimizer, .. } = self;
        let drift = optimizer.width_drift;
        let share = |key, value: f64| (key, value, (0.0..=1.0).contains(&value), "0 to 1");
        let momentum = optimizer.muon.as_ref().map_or(0.0, |muon| muon.momentum);
        [
            above_zero("optimizer.base_width", optimizer.base_width),
            ("optimizer.width_drift", drift, (-2.0..=2.0).contains(&drift), "-2 to 2"),
            ("optimizer.muon.momentum", momentum, (0.0..1.0).contains(&momentum), "at least 0 and below 1"),
            above_zero("batch.tokens", batch.tokens),
            above_zero("batch.training_tokens", batch.training_tokens),
            share("batch.exponent", batch.exponent),
            share("schedule.warmup", schedule.warmup),
            share("schedule.cooldown", schedule.cooldown),
        ]
    }
}

/// What is known of the best rates.
fn tuning_numbers(tuning: &Tuning) -> [Number; 9] {
    let Tuning { optimum, width_drift, noise, curvature, .. } = tuning;
    let [hidden_rate, embedding_rate, batch] = *optimum;
    let [steepness, of_embedding, of_batch] = curvature.factors;
    // Beyond this the surface has no lowest point.
    let cross = curvature.cross.abs() < (steepness * of_batch).sqrt();
    [
        above_zero("tuning.optimum (hidden rate)", hidden_rate),
        above_zero("tuning.optimum (embedding rate)", embedding_rate),
        above_zero("tuning.optimum (batch)", batch),
        ("tuning.width_drift", *width_drift, (-2.0..=2.0).contains(width_drift), "-2 to 2"),
        above_zero("tuning.noise", *noise),
        above_zero("tuning.curvature.factors (hidden rate)", steepness),
        above_zero("tuning.curvature.factors (embedding rate)", of_embedding),
        above_zero("tuning.curvature.factors (batch)", of_batch),
        (
            "tuning.curvature.cross",
            curvature.cross,
            cross,
            "smaller than the root of the product of the factors' first and last",
        ),
    ]
}

fn above_zero(key: &'static str, value: f64) -> Number {
    (key, value, value > 0.0 && value.is_finite(), "finite and above 0")
}

#[cfg(test)]
mod tests {
    use super::super::rules::{BatchRule, FeedForwardRule, OptimizerRule};
    use super::*;
    use crate::spec::{Activation, Muon};

    #[test]
    fn the_file_of_the_default_is_the_default() {
        assert_eq!(Recipe::named("default").unwrap(), Recipe::default());
        assert_eq!(Recipe::from_toml("", "nothing").unwrap(), Recipe::default());
    }

    #[test]
    fn only_the_default_is_called_so() {
        assert_eq!(Recipe::from_toml("context = 64", "mine").unwrap().name, "mine");
        assert_eq!(Recipe::from_toml("context = 64\nname = 'ours'", "mine").unwrap().name, "ours");
    }

    #[test]
    fn the_muon_recipe_differs_from_the_default_in_what_it_is_called_for() {
        let muon = Recipe::named("muon").unwrap();
        let default = Recipe::default();
        assert!(muon.optimizer.muon.is_some() && muon.optimizer.hidden_rate != default.optimizer.hidden_rate);
        let optimizer = default.optimizer.clone();
        assert_eq!(muon, Recipe { name: muon.name.clone(), optimizer: muon.optimizer.clone(), ..default });
        let rest = OptimizerRule { hidden_rate: optimizer.hidden_rate, muon: None, ..muon.optimizer };
        assert_eq!(rest, optimizer);
    }

    #[test]
    fn every_recipe_is_written_and_read_again() {
        let far = Recipe {
            name: "far from the default".to_owned(),
            tokenizer: TokenizerKind::Bpe { vocabulary: 4096 },
            model: ModelRule {
                depth: DepthRule::WidthPerLayer(48.0),
                feed_forward: FeedForwardRule { activation: Activation::ReluSquared, ..FeedForwardRule::default() },
                ..ModelRule::default()
            },
            optimizer: OptimizerRule { muon: Some(Muon { momentum: 0.9 }), ..OptimizerRule::default() },
            batch: BatchRule { exponent: 0.0, ..BatchRule::default() },
            ..Recipe::default()
        };
        let built_in = Recipe::NAMES.map(|name| Recipe::named(name).unwrap());
        for recipe in built_in.into_iter().chain([far]) {
            let text = recipe.to_toml();
            assert_eq!(Recipe::from_toml(&text, "itself").unwrap(), recipe, "{text}");
        }
    }

    #[test]
    fn what_a_recipe_may_not_be_is_refused_by_its_key() {
        let refused = |text: &str| Recipe::from_toml(text, "mine.toml").unwrap_err().to_string();
        for (text, parts) in [
            ("contxt = 3", &["mine.toml", "contxt", "`context`"][..]),
            ("context = 'long'", &["mine.toml", "context = 'long'", "usize"]),
            ("context = 0", &["context", "1 to 1048576", "got 0"]),
            ("tokenizer = 'words'", &["words", "`bytes`", "`bpe`"]),
            ("tokenizer = { bpe = { vocabulary = 70000 } }", &["tokenizer.bpe.vocabulary", "258 to 65536", "70000"]),
            ("[model]\ndepth = 3", &["mine.toml", "depth = 3"]),
            ("[model]\ndepth = { layer = 3 }", &["`layers`", "`width_per_layer`"]),
            ("[model]\ndepth = { layers = 0 }", &["model.depth.layers", "1 to 1000"]),
            ("[model]\ndepth = { width_per_layer = nan }", &["model.depth.width_per_layer", "at least 1"]),
            ("[model]\nhead_width = 15", &["model.head_width", "even", "15"]),
            ("[model.feed_forward]\nratio = -1", &["model.feed_forward.ratio", "above 0", "-1"]),
            ("[model.feed_forward]\nactivation = 'tanh'", &["tanh", "`silu`", "`gelu`", "`relu_squared`"]),
            ("[optimizer]\nlr = 1e-3", &["`lr`", "`hidden_rate`"]),
            ("[optimizer]\nhidden_rate = inf", &["optimizer.hidden_rate", "finite", "inf"]),
            ("[optimizer]\nbase_width = 0", &["optimizer.base_width", "above 0"]),
            ("[optimizer.muon]\nmomentum = 1.0", &["optimizer.muon.momentum", "below 1"]),
            ("[batch]\ntokens = 0", &["batch.tokens", "above 0"]),
            ("[schedule]\nwarmup = 2", &["schedule.warmup", "0 to 1", "2"]),
            ("[schedule", &["mine.toml", "[schedule"]),
        ] {
            let message = refused(text);
            for part in parts {
                assert!(message.contains(part), "{text:?}: {message} should say {part}");
            }
        }
        let unknown = Recipe::named("mu-on").unwrap_err().to_string();
        assert!(unknown.contains("did you mean muon?") && unknown.contains("gpt2-like"), "{unknown}");
    }
}
