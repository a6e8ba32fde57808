//! A prediction frozen before its run, chained to the one before it.

use serde::{Deserialize, Serialize};

use super::distribution::Distribution;
use super::error::ClaimError;
use super::seal;
use crate::fit::{Conventions, Estimate, Fit, QuestionError};
use crate::law::Setting;
use crate::predict::Extrapolation;
use crate::units::{Flops, Params, Tokens};

const CLAIM_SCHEMA: &str = "isoflop.claim/1";

/// A sealed prediction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// `isoflop.claim/1`.
    pub schema: String,
    /// What it is about, in the claimant's words.
    pub name: String,
    /// Model size of the run to come.
    pub params: Params,
    /// Its training tokens.
    pub tokens: Tokens,
    /// Its compute, 6ND.
    pub flops: Flops,
    /// The recipe it is about, where the fit tells several apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<String>,
    /// Distinct tokens of the run to come, where they are limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_tokens: Option<Tokens>,
    /// Predicted loss, with the interval for one new run.
    pub loss: Estimate,
    /// Level of the interval.
    pub level: f64,
    /// The whole prediction, by which the claim can be judged at other levels.
    pub distribution: Distribution,
    /// Distance from the data.
    pub extrapolation: Extrapolation,
    /// How size, compute and loss are counted, and what the run to come has in common with the fitted ones.
    pub conventions: Conventions,
    /// SHA-256 of the runs behind the fit.
    pub runs_sha256: Option<String>,
    /// When it was sealed, as the caller's clock says (RFC 3339).
    pub sealed_at: String,
    /// Hash of the claim before it in the same record.
    pub previous: Option<String>,
    /// SHA-256 of this claim with this field empty.
    pub hash: String,
}

/// What a claim has besides its prediction.
#[derive(Debug, Clone, Copy)]
pub struct Sealing<'a> {
    /// What it is about, in the claimant's words.
    pub name: &'a str,
    /// Now, RFC 3339.
    pub sealed_at: &'a str,
    /// The claim before it in the same record.
    pub previous: Option<&'a Claim>,
}

impl Fit {
    /// The sealed prediction of a run of `params` on `tokens`, with the interval that holds its loss with probability `level`.
    ///
    /// # Errors
    /// [`ClaimError::Question`] when the fit does not answer, [`ClaimError::NoInterval`] when it has no draws.
    pub fn claim(&self, params: Params, tokens: Tokens, level: f64, sealing: &Sealing) -> Result<Claim, ClaimError> {
        let prediction = self.predict(params, tokens, level)?;
        if prediction.loss.lo.is_none() || prediction.loss.hi.is_none() {
            return Err(ClaimError::NoInterval);
        }
        let at = Setting::single_pass(params.get(), tokens.get());
        let distribution = Distribution::of(&self.bells(&at, &prediction.extrapolation));
        if !distribution.is_sound() {
            return Err(QuestionError::NoLoss { params, tokens }.into());
        }
        let mut claim = Claim {
            schema: CLAIM_SCHEMA.to_owned(),
            name: sealing.name.to_owned(),
            params,
            tokens,
            flops: prediction.flops,
            recipe: prediction.recipe,
            unique_tokens: prediction.unique_tokens,
            loss: prediction.loss,
            level,
            distribution,
            extrapolation: prediction.extrapolation,
            conventions: self.conventions().clone(),
            runs_sha256: self.fingerprint().map(str::to_owned),
            sealed_at: sealing.sealed_at.to_owned(),
            previous: sealing.previous.map(|claim| claim.hash.clone()),
            hash: String::new(),
        };
        claim.hash = claim.content_hash();
        Ok(claim)
    }
}

impl Claim {
    /// Reads a claim and checks its seal.
    ///
    /// # Errors
    /// [`ClaimError::Malformed`], [`ClaimError::OtherSchema`], [`ClaimError::Unsealed`] or [`ClaimError::Altered`].
    pub fn from_json(text: &str, source_name: &str) -> Result<Self, ClaimError> {
        let claim: Self = seal::parse(text, source_name, "claim", CLAIM_SCHEMA)?;
        seal::check(source_name, &claim.hash, claim.content_hash())?;
        Ok(claim)
    }

    /// The text of the claim's file.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Checks that each claim names the one before it.
    ///
    /// # Errors
    /// [`ClaimError::BrokenChain`] names the first that does not.
    pub fn check_chain(claims: &[Self]) -> Result<(), ClaimError> {
        let mut previous: Option<&str> = None;
        for claim in claims {
            if claim.previous.as_deref() != previous {
                return Err(ClaimError::BrokenChain { name: claim.name.clone() });
            }
            previous = Some(&claim.hash);
        }
        Ok(())
    }

    pub(super) fn content_hash(&self) -> String {
        seal::hash(&Self { hash: String::new(), ..self.clone() }.to_json())
    }
}
