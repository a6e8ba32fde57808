//! Trunks: cells that are one run until the earlier of their cool-downs begins, and who trains which part for the others.
//!
//! A branch is an ordinary cell. In a trunk the branches stand in the order in which their cool-downs begin, and each goes on
//! from where the one before it leaves the trunk:
//!
//! ```text
//! first   ──────┐ cool-down
//! second        └──────────┐ cool-down
//! third                    └───────────────┐ cool-down
//! ```

use std::collections::BTreeMap;

use crate::cell::Cell;

/// Which of some cells share trunks. Cells are named by their place among them.
#[derive(Debug)]
pub(crate) struct Trunks {
    all: Vec<Trunk>,
    /// For each cell its trunk, and its place among the branches; `None` for a cell that shares nothing.
    places: Vec<Option<(usize, usize)>>,
}

/// Two or more cells that begin as one run.
#[derive(Debug)]
pub(crate) struct Trunk {
    /// Named by its content: what its branches have in common.
    pub(crate) name: String,
    /// In the order in which their cool-downs begin; equals by name.
    pub(crate) branches: Vec<Branch>,
}

/// A cell of a trunk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Branch {
    /// The cell's place.
    pub(crate) cell: usize,
    /// Steps that it has in common with longer branches.
    pub(crate) leaves_at: u64,
    /// Steps of the whole cell.
    steps: u64,
}

impl Trunks {
    /// Those of `cells`.
    pub(crate) fn of<'c>(cells: impl IntoIterator<Item = &'c Cell>) -> Self {
        let cells: Vec<&Cell> = cells.into_iter().collect();
        let mut named: BTreeMap<String, Vec<Branch>> = BTreeMap::new();
        for (cell, run) in cells.iter().map(|cell| cell.spec()).enumerate() {
            let leaves_at = run.steps_before_cooldown();
            // A run that cools down from its first step on shares nothing.
            if leaves_at > 0 {
                named.entry(cells[cell].trunk()).or_default().push(Branch { cell, leaves_at, steps: run.steps });
            }
        }
        let mut places = vec![None; cells.len()];
        let mut all = Vec::new();
        for (name, mut branches) in named.into_iter().filter(|(_, branches)| branches.len() > 1) {
            branches.sort_by_key(|branch| (branch.leaves_at, cells[branch.cell].name()));
            branches.iter().enumerate().for_each(|(place, branch)| places[branch.cell] = Some((all.len(), place)));
            all.push(Trunk { name, branches });
        }
        Self { all, places }
    }

    /// The trunk of `cell`, if it shares one.
    pub(crate) fn of_cell(&self, cell: usize) -> Option<&Trunk> {
        self.places[cell].map(|(trunk, _)| &self.all[trunk])
    }

    /// The branches of its trunk that leave it before `cell` does.
    pub(crate) fn before(&self, cell: usize) -> &[Branch] {
        self.places[cell].map_or(&[], |(trunk, place)| &self.all[trunk].branches[..place])
    }

    /// Steps of `cell` that the branch before it is trained for both.
    pub(crate) fn inherited_steps(&self, cell: usize) -> u64 {
        self.before(cell).last().map_or(0, |branch| branch.leaves_at)
    }

    /// Steps from where `cell` goes on to the end of the longest branch that waits for it, itself included; `steps` are its own.
    pub(crate) fn longest_way(&self, cell: usize, steps: u64) -> u64 {
        let waiting = self.places[cell].map_or(&[][..], |(trunk, place)| &self.all[trunk].branches[place..]);
        waiting.iter().map(|branch| branch.steps).fold(steps, u64::max) - self.inherited_steps(cell)
    }
}

impl Trunk {
    /// The longest of the prefixes `steps`, which are ascending, that a branch which leaves at `leaves_at` can go on from.
    pub(crate) fn longest_usable(steps: &[u64], leaves_at: u64) -> u64 {
        steps.iter().copied().rfind(|step| *step <= leaves_at).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use isoflop_train::{EvaluationLimit, Schedule};

    use super::*;
    use crate::cell::CellPlan;
    use crate::testing::plan;

    /// A run of `steps` that cools down over the last `cooldown_steps`.
    fn cell(steps: u64, cooldown_steps: u64, seed: u64) -> Cell {
        let mut cell = CellPlan { tag: format!("b{steps}-c{cooldown_steps}"), ..plan(steps, seed) };
        cell.spec.schedule = Schedule { cooldown_steps, ..cell.spec.schedule };
        Cell::new(cell, "text", EvaluationLimit::Everything).unwrap()
    }

    #[test]
    fn each_branch_goes_on_where_the_one_before_it_leaves() {
        let cells = [cell(40, 11, 7), cell(20, 6, 7), cell(20, 6, 8), cell(80, 21, 7), cell(25, 11, 7), cell(9, 10, 7)];
        let trunks = Trunks::of(&cells);
        let order: Vec<(usize, u64)> =
            trunks.of_cell(0).unwrap().branches.iter().map(|branch| (branch.cell, branch.leaves_at)).collect();
        assert_eq!(order, [(1, 15), (4, 15), (0, 30), (3, 60)]);
        assert!(trunks.of_cell(2).is_none(), "another seed is another trunk, with one branch");
        assert!(trunks.of_cell(5).is_none(), "no step before its cool-down");
        let inherited: Vec<u64> = (0..cells.len()).map(|cell| trunks.inherited_steps(cell)).collect();
        assert_eq!(inherited, [15, 0, 0, 30, 15, 0]);
        let ways: Vec<u64> = cells.iter().enumerate().map(|(i, c)| trunks.longest_way(i, c.spec().steps)).collect();
        assert_eq!(ways, [65, 80, 20, 50, 65, 9]);
    }

    #[test]
    fn a_branch_uses_the_longest_prefix_before_it_leaves() {
        assert_eq!([4, 10, 12, 99].map(|leaves_at| Trunk::longest_usable(&[5, 10, 50], leaves_at)), [0, 10, 10, 50]);
        assert_eq!(Trunk::longest_usable(&[], 7), 0);
    }
}
