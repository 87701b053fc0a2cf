//! Rego for ployd-policy: regorus behind a thin Python binding.
//!
//! Four things and no more: the outline of one module ([`outline`]), values that many evaluations share ([`value`]), a
//! compiled policy ([`policy`]) and the names of the builtins there are. It reads no files, opens no connections and
//! looks at no environment; it decides nothing about findings, severities or rules, which are Python's.

mod agreement;
mod error;
mod guard;
mod outline;
mod policy;
mod value;

use std::collections::BTreeMap;

use pyo3::prelude::*;
use regorus::unstable::BUILTINS;

/// Names of the builtin functions that policies can call, each with the number of its arguments (0: any).
#[pyfunction]
fn builtins() -> BTreeMap<&'static str, u8> {
    let mut table: BTreeMap<&'static str, u8> = BUILTINS.iter().map(|(name, (_, arity))| (*name, *arity)).collect();
    // The interpreter knows `print` itself, so the table does not list it.
    table.insert("print", 0);
    table
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add_function(wrap_pyfunction!(builtins, module)?)?;
    module.add_function(wrap_pyfunction!(outline::outline, module)?)?;
    module.add_function(wrap_pyfunction!(value::prepare, module)?)?;
    module.add_class::<outline::Outline>()?;
    module.add_class::<policy::Policy>()?;
    module.add_class::<value::Prepared>()?;
    module.add("PolicyError", py.get_type::<error::PolicyError>())?;
    module.add("InputError", py.get_type::<error::InputError>())?;
    module.add("RunError", py.get_type::<error::RunError>())?;
    module.add("TimeLimitError", py.get_type::<error::TimeLimitError>())?;
    Ok(())
}
