//! Dependencies between the workspace's packages point one way.

use serde_json::Value;

/// `numerics <- isoflop <- {readers, train, sweep, report} <- {cli, python}`, `report <- explorer <- cli`, and sweep may use train:
/// each package with the packages of this workspace that it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("isoflop-numerics", &[]),
    ("isoflop", &["isoflop-numerics"]),
    ("isoflop-readers", &["isoflop"]),
    ("isoflop-train", &["isoflop"]),
    ("isoflop-sweep", &["isoflop", "isoflop-train"]),
    ("isoflop-report", &["isoflop"]),
    (
        "isoflop-cli",
        &["isoflop", "isoflop-readers", "isoflop-train", "isoflop-sweep", "isoflop-report", "isoflop-explorer"],
    ),
    ("isoflop-python", &["isoflop", "isoflop-readers", "isoflop-train", "isoflop-sweep", "isoflop-report"]),
    ("isoflop-explorer", &["isoflop", "isoflop-report"]),
    // Stands outside the story: it may look at all that it checks, and nothing may depend on it.
    ("xtask", &["isoflop", "isoflop-numerics"]),
];

/// A package of the workspace and the packages of the workspace that it names, for whatever kind of build.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Package {
    name: String,
    depends_on: Vec<String>,
}

/// The packages in the output of `cargo metadata --no-deps`. A dependency with a path is one of this workspace.
pub(super) fn packages(metadata: &str) -> Result<Vec<Package>, String> {
    let metadata: Value =
        serde_json::from_str(metadata).map_err(|error| format!("`cargo metadata` did not write JSON: {error}"))?;
    let name = |value: &Value| value["name"].as_str().map(str::to_owned);
    let package = |value: &Value| {
        let dependencies = value["dependencies"].as_array()?.iter();
        let depends_on = dependencies.filter(|dependency| dependency["path"].is_string()).filter_map(name).collect();
        Some(Package { name: name(value)?, depends_on })
    };
    let packages: Option<Vec<_>> = metadata["packages"].as_array().and_then(|all| all.iter().map(package).collect());
    packages.ok_or_else(|| "`cargo metadata` wrote a form that is not known here".to_owned())
}

/// One line per arrow that the design does not draw.
pub(super) fn violations(packages: &[Package]) -> Vec<String> {
    let mut lines = Vec::new();
    for package in packages {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package.name) else {
            lines
                .push(format!("{} has no place in the story: draw its arrows in the table of arrows.rs", package.name));
            continue;
        };
        for dependency in package.depends_on.iter().filter(|dependency| !allowed.contains(&dependency.as_str())) {
            lines.push(format!(
                "{} must not depend on {dependency}: the arrows allow it {}",
                package.name,
                if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") }
            ));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, depends_on: &[&str]) -> Package {
        Package { name: name.to_owned(), depends_on: depends_on.iter().map(|name| (*name).to_owned()).collect() }
    }

    #[test]
    fn drawn_arrows_pass() {
        let packages = [
            package("isoflop", &["isoflop-numerics"]),
            package("isoflop-sweep", &["isoflop", "isoflop-train"]),
            package("isoflop-cli", &["isoflop", "isoflop-sweep", "isoflop-report"]),
        ];
        assert_eq!(violations(&packages), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_against_the_direction_is_named() {
        let lines =
            violations(&[package("isoflop", &["isoflop-train"]), package("isoflop-train", &["isoflop-numerics"])]);
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("isoflop must not depend on isoflop-train"), "{}", lines[0]);
    }

    #[test]
    fn a_package_without_a_place_is_named() {
        assert_eq!(violations(&[package("isoflop-utilities", &[])]).len(), 1);
    }

    #[test]
    fn only_dependencies_inside_the_workspace_are_arrows() {
        let metadata = r#"{"packages":[{"name":"isoflop-train","dependencies":[
            {"name":"isoflop","kind":null,"path":"crates/isoflop"},
            {"name":"isoflop-sweep","kind":"dev","path":"crates/sweep"},
            {"name":"rayon","kind":null}]}]}"#;
        let packages = packages(metadata).unwrap();
        assert_eq!(packages, [package("isoflop-train", &["isoflop", "isoflop-sweep"])]);
        assert_eq!(violations(&packages).len(), 1);
    }

    #[test]
    fn unknown_metadata_is_an_error_not_an_empty_list() {
        assert!(packages("{}").is_err());
        assert!(packages("cargo").is_err());
    }
}
