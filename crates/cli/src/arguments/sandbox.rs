//! The game of `isoflop sandbox`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use isoflop::sandbox::Level;
use isoflop::{Flops, Params, Tokens};

#[derive(Debug, Args)]
pub(crate) struct SandboxArguments {
    #[command(subcommand)]
    pub move_: SandboxMove,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SandboxMove {
    /// Begin: a hidden law, compute to spend on runs, and a far larger run to forecast
    New(SandboxNewArguments),
    /// Train runs in the hidden world, charged to the compute there is
    Train(SandboxTrainArguments),
    /// Give your answer, once, and see the truth
    Answer(SandboxAnswerArguments),
    /// Grade folders: whether their runs are genuine and what their answers were worth
    Grade(SandboxGradeArguments),
}

#[derive(Debug, Args)]
pub(crate) struct SandboxNewArguments {
    /// Folder of the game
    #[arg(default_value = "sandbox")]
    pub folder: PathBuf,
    /// Seed: a class that shares it has comparable tasks
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Who plays: each player of a class has a world of their own
    #[arg(long, default_value = "player")]
    pub player: String,
    /// How hard it is
    #[arg(long, value_enum, default_value_t = LevelArgument::Field)]
    pub level: LevelArgument,
    /// Compute for all your runs together
    #[arg(long, default_value = "1e20")]
    pub flops: Flops,
    /// Compute of the run to forecast
    #[arg(long, default_value = "1e23")]
    pub target_flops: Flops,
    /// Print JSON with full precision
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LevelArgument {
    /// Hoffmann's law, runs that scatter by 0.2 %
    Textbook,
    /// Coupled terms, heavy tails, a mishap now and then
    Field,
}

impl From<LevelArgument> for Level {
    fn from(level: LevelArgument) -> Self {
        match level {
            LevelArgument::Textbook => Self::Textbook,
            LevelArgument::Field => Self::Field,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct SandboxTrainArguments {
    /// Folder of the game
    #[arg(default_value = "sandbox")]
    pub folder: PathBuf,
    /// Model size
    #[arg(long, requires = "tokens", required_unless_present = "runs")]
    pub params: Option<Params>,
    /// Training tokens
    #[arg(long, requires = "params")]
    pub tokens: Option<Tokens>,
    /// Train every row of this table instead (params and tokens, as `isoflop next --json` names them; CSV or JSON lines)
    #[arg(long, value_name = "TABLE", conflicts_with_all = ["params", "tokens"])]
    pub runs: Option<PathBuf>,
    /// Print JSON with full precision
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SandboxAnswerArguments {
    /// Folder of the game
    #[arg(default_value = "sandbox")]
    pub folder: PathBuf,
    /// Answer what this fit would train and forecast
    #[arg(long, value_name = "FIT", conflicts_with_all = ["params", "loss", "lo", "hi"])]
    pub fit: Option<PathBuf>,
    /// Size that you would train at the target's compute
    #[arg(long, required_unless_present = "fit", requires_all = ["loss", "lo", "hi"])]
    pub params: Option<Params>,
    /// Loss that it will reach, in nats per token
    #[arg(long)]
    pub loss: Option<f64>,
    /// Lower end of the interval that should hold the loss nine times of ten
    #[arg(long)]
    pub lo: Option<f64>,
    /// Upper end
    #[arg(long)]
    pub hi: Option<f64>,
    /// Print JSON with full precision
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SandboxGradeArguments {
    /// Folders of games
    #[arg(required = true)]
    pub folders: Vec<PathBuf>,
    /// The seed that was given out: a folder begun with another is not graded
    #[arg(long)]
    pub seed: Option<u64>,
    /// Print JSON with full precision
    #[arg(long)]
    pub json: bool,
}
