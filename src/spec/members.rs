//! `[members]` of a pipeline: what the columns of a membership export mean.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `[members]`: what the columns of a membership export mean. Columns that are not named are not decoded.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Members {
    /// The cluster.
    pub cluster: String,
    /// Classification of the activity codes.
    pub activity_scheme: ActivityScheme,
    /// Form of the dates, such as `%d/%m/%Y`.
    pub date_format: String,
    /// Column with the member's name.
    pub name: String,
    /// Column with the tax number.
    pub nif: String,
    /// Column with the activity code.
    pub activity: String,
    /// Column with the municipality's name.
    pub municipality: String,
    /// Column with the postal code, from which a region is known when the municipality is not.
    #[serde(default)]
    pub postal_code: Option<String>,
    /// Column with the number or band of employees.
    pub employees: String,
    /// Column with the day of joining.
    pub joined: String,
    /// Column with the day of leaving.
    pub left: String,
    /// Column with the website.
    #[serde(default)]
    pub website: Option<String>,
    /// Column with the driving forces that the member says it serves, with commas or semicolons between them.
    #[serde(default)]
    pub forces: Option<String>,
    /// What the export calls each force, with its code.
    #[serde(default)]
    pub force_names: BTreeMap<String, String>,
    /// Rows whose name is one of these are no members (totals).
    #[serde(default)]
    pub drop_names: Vec<String>,
}

/// Classification of a membership export's activity codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub enum ActivityScheme {
    /// CNAE-2009, which is NACE Rev. 2 down to the third digit, and with national classes at the fourth.
    #[serde(rename = "CNAE-2009")]
    Cnae2009,
    /// CNAE-2025, which is NACE Rev. 2.1 in the same way (Real Decreto 10/2025).
    #[serde(rename = "CNAE-2025")]
    Cnae2025,
}

impl ActivityScheme {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            ActivityScheme::Cnae2009 => "CNAE-2009",
            ActivityScheme::Cnae2025 => "CNAE-2025",
        }
    }

    /// The version of NACE that it is.
    pub fn nace(self) -> &'static str {
        match self {
            ActivityScheme::Cnae2009 => "NACE_R2",
            ActivityScheme::Cnae2025 => "NACE_R2_1",
        }
    }
}

impl Members {
    /// The allow-list: the columns that are decoded.
    pub fn columns(&self) -> Vec<String> {
        let mut columns = vec![self.name.clone(), self.nif.clone(), self.activity.clone(), self.municipality.clone()];
        columns.extend(self.postal_code.clone());
        columns.extend([self.employees.clone(), self.joined.clone(), self.left.clone()]);
        columns.extend(self.website.clone());
        columns.extend(self.forces.clone());
        columns
    }
}
