//! A record on disk: a folder with one file for each claim and one for each verdict, none of them ever written again.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use isoflop::{Claim, TrackRecord, Verdict};

use crate::input::{self, Sealed};
use crate::output::OutputFile;

const CLAIM: &str = "claim-";
const VERDICT: &str = "verdict-";

/// The claims of a folder in their order, each in its file.
pub(crate) struct Record {
    folder: PathBuf,
    claims: Vec<Claim>,
    paths: Vec<PathBuf>,
}

impl Record {
    /// Opens the record, or starts one, and checks every seal and the chain.
    pub(crate) fn open_or_start(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("{}: cannot make the folder", folder.display()))?;
        let paths = files(folder, &[CLAIM])?;
        let claims = paths.iter().map(|path| input::claim(path)).collect::<Result<Vec<_>>>()?;
        Claim::check_chain(&claims)?;
        Ok(Self { folder: folder.to_owned(), claims, paths })
    }

    /// The latest claim.
    pub(crate) fn last(&self) -> Option<&Claim> {
        self.claims.last()
    }

    /// The first claim that `wanted` accepts, and its file.
    pub(crate) fn find(&self, wanted: impl Fn(&Claim) -> bool) -> Option<(&Claim, PathBuf)> {
        let place = self.claims.iter().position(wanted)?;
        Some((&self.claims[place], self.paths[place].clone()))
    }

    /// Writes a claim as the next of the record; two writers cannot both take the same place.
    pub(crate) fn append(&self, claim: &Claim) -> Result<PathBuf> {
        let path = self.folder.join(format!("{CLAIM}{:05}.json", self.claims.len() + 1));
        OutputFile::create(&path)?.write_new(&claim.to_json())?;
        Ok(path)
    }
}

/// What became of a verdict in the record of its claim.
pub(crate) enum Kept {
    /// It is there, from now or from before.
    Here(PathBuf),
    /// Another verdict on the claim came first, and stays.
    First(PathBuf),
    /// The claim is in no record.
    Nowhere,
}

/// Keeps a verdict beside its claim, unless there is one already: which run judges a claim is not chosen by the outcome.
pub(crate) fn keep(verdict: &Verdict, claim: &Path) -> Result<Kept> {
    let number = claim.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix(CLAIM));
    let Some(number) = number else { return Ok(Kept::Nowhere) };
    let path = claim.with_file_name(format!("{VERDICT}{number}"));
    if path.exists() {
        let first = input::verdict(&path)?;
        return Ok(if first.agrees_with(verdict) { Kept::Here(path) } else { Kept::First(path) });
    }
    OutputFile::create(&path)?.write_new(&verdict.to_json())?;
    Ok(Kept::Here(path))
}

/// Whether `path` is a folder that holds claims.
pub(crate) fn is_record(path: &Path) -> bool {
    path.is_dir() && files(path, &[CLAIM]).is_ok_and(|claims| !claims.is_empty())
}

/// The track record of a folder, or of the claims and verdicts in `paths`.
pub(crate) fn track_record(paths: &[PathBuf]) -> Result<TrackRecord> {
    let listed = match paths {
        [folder] if !folder.exists() => {
            bail!(
                "{}: no such folder or file: `isoflop claim FIT` starts a record, --record names its folder",
                folder.display()
            )
        }
        [folder] if folder.is_dir() => files(folder, &[CLAIM, VERDICT])?,
        paths => paths.to_vec(),
    };
    let (mut claims, mut verdicts) = (Vec::new(), Vec::new());
    for path in listed {
        match input::sealed(&path)? {
            Sealed::Claim(claim) => claims.push(*claim),
            Sealed::Verdict(verdict) => verdicts.push(*verdict),
        }
    }
    Ok(TrackRecord::new(claims, verdicts)?)
}

/// The files of a folder whose names start with one of `prefixes`, in the order of their names.
fn files(folder: &Path, prefixes: &[&str]) -> Result<Vec<PathBuf>> {
    let listing = fs::read_dir(folder).with_context(|| format!("{}: cannot list", folder.display()))?;
    let mut paths = listing.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.ends_with(".json") && prefixes.iter().any(|prefix| name.starts_with(prefix))
    });
    paths.sort();
    Ok(paths)
}
