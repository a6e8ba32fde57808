//! Hoffmann's law for several recipes that share their floor and nothing else.

use std::borrow::Cow;
use std::sync::Arc;

use crate::law::{Coupled, Hoffmann, Law, Observation, Parameter, Scales, Setting, Trust};

/// `L_r = E + A_r N^-alpha_r + B_r D^-beta_r`.
#[derive(Debug, Clone)]
pub(super) struct SharedFloor {
    recipes: Vec<String>,
    parameters: Vec<Parameter>,
}

/// Parameters of Hoffmann's law that each recipe has of its own.
const OWN: usize = 4;

impl SharedFloor {
    pub(super) fn new(recipes: &[String]) -> Self {
        let shared = Hoffmann.parameters();
        let own = |recipe: &String| {
            let named = |parameter: &Parameter| Parameter {
                name: Cow::Owned(format!("{}:{recipe}", parameter.name)),
                ..parameter.clone()
            };
            shared[1..].iter().map(named).collect::<Vec<_>>()
        };
        let parameters = std::iter::once(shared[0].clone()).chain(recipes.iter().flat_map(own)).collect();
        Self { recipes: recipes.to_vec(), parameters }
    }

    /// The five numbers of one recipe.
    fn of(parameters: &[f64], recipe: usize) -> Option<Vec<f64>> {
        let own = parameters.get(1 + OWN * recipe..1 + OWN * (recipe + 1))?;
        Some([&parameters[..1], own].concat())
    }
}

impl Law for SharedFloor {
    fn name(&self) -> &'static str {
        "hoffmann-shared-floor"
    }

    fn formula(&self) -> &'static str {
        "L_r = E + A_r/N^alpha_r + B_r/D^beta_r"
    }

    fn source(&self) -> &'static str {
        "Hoffmann et al. 2022, arXiv:2203.15556, equation 2, with one E for all recipes"
    }

    fn trust(&self) -> Trust {
        Trust::Verified
    }

    fn use_when(&self) -> &'static str {
        "between recipes that differ in worth alone and recipes that share nothing"
    }

    fn tells_recipes_apart(&self) -> bool {
        true
    }

    fn recipes(&self) -> &[String] {
        &self.recipes
    }

    fn of_recipe(&self, recipe: usize, parameters: &[f64]) -> Option<(Arc<dyn Law>, Vec<f64>)> {
        Some((Arc::new(Hoffmann), Self::of(parameters, recipe)?))
    }

    fn parameters(&self) -> Cow<'_, [Parameter]> {
        Cow::Borrowed(&self.parameters)
    }

    fn loss_and_gradient(&self, parameters: &[f64], at: &Setting, gradient: &mut [f64]) -> f64 {
        let Some(own) = Self::of(parameters, at.recipe) else { return f64::NAN };
        let mut slopes = [0.0; 1 + OWN];
        let loss = Hoffmann.loss_and_gradient(&own, at, &mut slopes);
        gradient.fill(0.0);
        gradient[0] = slopes[0];
        gradient[1 + OWN * at.recipe..1 + OWN * (at.recipe + 1)].copy_from_slice(&slopes[1..]);
        loss
    }

    fn in_bare_units(&self, parameters: &[f64], units: &Scales) -> Vec<f64> {
        let own = |recipe: usize| Self::of(parameters, recipe).map(|own| Coupled.in_bare_units(&own, units));
        let all: Vec<Vec<f64>> = (0..self.recipes.len()).filter_map(own).collect();
        let shared = all.first().map(|first| first[0]);
        shared.into_iter().chain(all.iter().flat_map(|own| own[1..].iter().copied())).collect()
    }

    fn starts(&self, runs: &[Observation]) -> Vec<Vec<f64>> {
        let all = |start: Vec<f64>| [&start[..1], &start[1..].repeat(self.recipes.len())].concat();
        Hoffmann.starts(runs).into_iter().map(all).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_recipe_has_its_own_law_above_one_floor() {
        let law = SharedFloor::new(&["a", "b"].map(str::to_owned));
        let parameters = [1.8, 480.0, 2000.0, 0.35, 0.37, 400.0, 1000.0, 0.34, 0.36];
        for (recipe, own) in [(0, [1.8, 480.0, 2000.0, 0.35, 0.37]), (1, [1.8, 400.0, 1000.0, 0.34, 0.36])] {
            let at = Setting { recipe, ..Setting::single_pass(1e9, 1e10) };
            assert_eq!(law.loss(&parameters, &at), Hoffmann.loss(&own, &at));
            assert_eq!(law.of_recipe(recipe, &parameters).unwrap().1, own);
        }
        let units = Scales { params: 1e9, tokens: 1e10, flops: 1.0 };
        let at = Setting { recipe: 1, ..Setting::single_pass(2.0, 3.0) };
        let bare = Setting { recipe: 1, ..Setting::single_pass(2e9, 3e10) };
        let scaled = law.loss(&[1.8, 0.3, 0.4, 0.35, 0.37, 0.2, 0.5, 0.34, 0.36], &at);
        let moved = law.in_bare_units(&[1.8, 0.3, 0.4, 0.35, 0.37, 0.2, 0.5, 0.34, 0.36], &units);
        assert!((law.loss(&moved, &bare) - scaled).abs() < 1e-12);
    }
}
