//! The compute of an assignment, and the runs it was spent on.

use serde::{Deserialize, Serialize};

use super::{Assignment, SandboxError, World};
use crate::counting::training_flops;
use crate::runs::Runs;
use crate::units::{Flops, Params, Tokens};

/// A run that was trained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Trained {
    /// Its parameters.
    pub params: Params,
    /// Its tokens.
    pub tokens: Tokens,
    /// Its compute, 6ND.
    pub flops: Flops,
    /// Its loss, in nats per token.
    pub loss: f64,
}

/// The runs of an assignment so far, all of them paid for.
#[derive(Debug, Clone, PartialEq)]
pub struct Ledger {
    budget: Flops,
    world: World,
    runs: Vec<Trained>,
}

impl Ledger {
    /// The ledger before the first run.
    pub fn new(assignment: &Assignment) -> Self {
        Self { budget: assignment.budget, world: World::of(assignment), runs: Vec::new() }
    }

    /// The ledger that these runs were written from.
    ///
    /// # Errors
    /// [`SandboxError::Altered`] when a run is not what the world gave, [`SandboxError::Overspent`] when they cost more than there is.
    pub fn of_runs(assignment: &Assignment, runs: &Runs) -> Result<Self, SandboxError> {
        let mut ledger = Self::new(assignment);
        for run in &runs.kept {
            let trained = ledger.train(run.params, run.tokens)?;
            if trained.loss.to_bits() != run.loss.get().to_bits() {
                return Err(SandboxError::Altered { run: run.name.clone(), found: run.loss.get() });
            }
        }
        Ok(ledger)
    }

    /// Trains one more run and charges it.
    ///
    /// # Errors
    /// [`SandboxError::Overspent`] when it costs more than is left; nothing is charged then.
    pub fn train(&mut self, params: Params, tokens: Tokens) -> Result<Trained, SandboxError> {
        let flops = training_flops(params, tokens)?;
        if flops.get() > self.left() {
            return Err(SandboxError::Overspent { asked: flops, left: self.left() });
        }
        let same = |run: &&Trained| run.params == params && run.tokens == tokens;
        let replicate = self.runs.iter().filter(same).count() as u64;
        let trained = Trained { params, tokens, flops, loss: self.world.train(params, tokens, replicate) };
        self.runs.push(trained);
        Ok(trained)
    }

    /// The runs, in the order in which they were trained.
    pub fn runs(&self) -> &[Trained] {
        &self.runs
    }

    /// Compute spent.
    pub fn spent(&self) -> f64 {
        self.runs.iter().fold(0.0, |spent, run| spent + run.flops.get())
    }

    /// Compute left.
    pub fn left(&self) -> f64 {
        (self.budget.get() - self.spent()).max(0.0)
    }

    /// The runs as the table that `isoflop fit` reads, every digit of it.
    pub fn to_csv(&self) -> String {
        let rows = self.runs.iter().enumerate().map(|(number, run)| {
            let Trained { params, tokens, flops, loss } = run;
            format!("run-{},{:?},{:?},{:?},{loss:?}\n", number + 1, params.get(), tokens.get(), flops.get())
        });
        "run,params,tokens,flops,loss\n".to_owned() + &rows.collect::<String>()
    }
}
