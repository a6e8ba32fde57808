//! A claim judged by the run it was about.

use serde::{Deserialize, Serialize};

use super::error::ClaimError;
use super::seal;
use super::sealed::Claim;
use crate::fit::Estimate;
use crate::predict::Extrapolation;
use crate::runs::Run;
use crate::units::{Nats, Tokens};

const VERDICT_SCHEMA: &str = "isoflop.verdict/1";

/// How far a judged run's size and tokens may lie from the claim's, relatively: shapes come in steps, so no run hits exactly.
const SAME_RUN: f64 = 0.05;

/// A claim after its run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// `isoflop.verdict/1`.
    pub schema: String,
    /// Hash of the claim.
    pub claim: String,
    /// Its name.
    pub name: String,
    /// The run that decided it.
    pub run: String,
    /// What was predicted.
    pub predicted: Estimate,
    /// Level of the interval.
    pub level: f64,
    /// What happened.
    pub observed: Nats,
    /// Standard error of what happened, where known.
    pub observed_se: Option<f64>,
    /// Whether the observed loss lies in the interval.
    pub inside: bool,
    /// Share of such runs that the claim expected to end lower: near 0 the run is better than claimed, near 1 worse.
    pub percentile: f64,
    /// Predicted over observed, minus one.
    pub error: f64,
    /// Predicted minus observed, nats per token.
    pub error_nats: f64,
    /// Distance of the run from the data behind the claim.
    pub extrapolation: Extrapolation,
    /// When it was judged, as the caller's clock says (RFC 3339).
    pub judged_at: String,
    /// SHA-256 of this verdict with this field empty.
    pub hash: String,
}

impl Claim {
    /// Judges the claim by the run it was about.
    ///
    /// # Errors
    /// [`ClaimError::OtherRun`] when size, tokens or distinct tokens differ by more than 5 %, [`ClaimError::OtherConvention`] when the
    /// recipe, tokenizer, corpus or unit of loss is another, [`ClaimError::Unfinished`] when the run's schedule has not ended.
    pub fn judge(&self, run: &Run, judged_at: &str) -> Result<Verdict, ClaimError> {
        if let Some(reached) = run.unfinished_schedule() {
            return Err(ClaimError::Unfinished { run: run.name.clone(), reached });
        }
        // Where nothing limits the text, none of it is repeated.
        let distinct = |unique: Option<Tokens>, seen: Tokens| unique.unwrap_or(seen).get().min(seen.get());
        let sizes = [
            ("params", run.params.get(), self.params.get()),
            ("tokens", run.tokens.get(), self.tokens.get()),
            ("distinct tokens", distinct(run.unique_tokens, run.tokens), distinct(self.unique_tokens, self.tokens)),
        ];
        for (quantity, found, claimed) in sizes {
            if (found / claimed - 1.0).abs() > SAME_RUN {
                return Err(ClaimError::OtherRun { quantity, found, claimed });
            }
        }
        let recipe = self.recipe.as_deref().zip(run.recipe()).filter(|(claimed, found)| claimed != found);
        let unlike = recipe.map(|(claimed, found)| ("recipe", found, claimed));
        if let Some((column, found, claimed)) = unlike.or_else(|| self.conventions.unlike(run)) {
            let (found, claimed) = (found.to_owned(), claimed.to_owned());
            return Err(ClaimError::OtherConvention { column: column.to_owned(), found, claimed });
        }
        Ok(self.verdict(&run.name, run.loss, run.loss_se, judged_at))
    }

    /// What `observed` makes of the claim.
    fn verdict(&self, run: &str, observed: Nats, observed_se: Option<f64>, judged_at: &str) -> Verdict {
        let loss = observed.get();
        let mut verdict = Verdict {
            schema: VERDICT_SCHEMA.to_owned(),
            claim: self.hash.clone(),
            name: self.name.clone(),
            run: run.to_owned(),
            predicted: self.loss,
            level: self.level,
            observed,
            observed_se,
            inside: self.loss.lo.is_some_and(|lo| lo <= loss) && self.loss.hi.is_some_and(|hi| loss <= hi),
            percentile: self.distribution.share_below(loss),
            error: self.loss.value / loss - 1.0,
            error_nats: self.loss.value - loss,
            extrapolation: self.extrapolation,
            judged_at: judged_at.to_owned(),
            hash: String::new(),
        };
        verdict.hash = verdict.content_hash();
        verdict
    }
}

impl Verdict {
    /// Reads a verdict and checks its seal.
    ///
    /// # Errors
    /// [`ClaimError::Malformed`], [`ClaimError::OtherSchema`] or [`ClaimError::Altered`].
    pub fn from_json(text: &str, source_name: &str) -> Result<Self, ClaimError> {
        let verdict: Self = seal::parse(text, source_name, "verdict", VERDICT_SCHEMA)?;
        seal::check(source_name, &verdict.hash, verdict.content_hash())?;
        Ok(verdict)
    }

    /// Whether `text` says that it is a verdict, rather than a claim.
    pub fn is_schema_of(text: &str) -> bool {
        seal::is_of(VERDICT_SCHEMA, text)
    }

    /// The text of the verdict's file.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Whether everything in it follows from `claim` and the observed loss.
    pub(super) fn follows_from(&self, claim: &Claim) -> bool {
        *self == claim.verdict(&self.run, self.observed, self.observed_se, &self.judged_at)
    }

    /// Whether both are the same judgement, whenever it was made.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let undated = |verdict: &Self| Self { judged_at: String::new(), hash: String::new(), ..verdict.clone() };
        undated(self) == undated(other)
    }

    fn content_hash(&self) -> String {
        seal::hash(&Self { hash: String::new(), ..self.clone() }.to_json())
    }
}
