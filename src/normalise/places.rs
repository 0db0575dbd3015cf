//! Names of municipalities and postal codes → the codes of INE and NUTS 2 regions.

use std::collections::HashMap;

use super::names::folded;
use crate::spec::Codelists;

/// The municipalities by their names, and the regions of provinces.
pub(super) struct Places<'a> {
    codelists: &'a Codelists,
    municipalities: HashMap<String, Vec<Municipality<'a>>>,
}

struct Municipality<'a> {
    code: &'a str,
    region: &'a str,
}

/// Where somebody is, as far as it is known.
#[derive(Default)]
pub(super) struct Place {
    /// INE's code.
    pub municipality: Option<String>,
    /// NUTS 2.
    pub region: Option<String>,
}

impl<'a> Places<'a> {
    pub fn new(codelists: &'a Codelists) -> Self {
        let mut municipalities: HashMap<String, Vec<Municipality<'a>>> = HashMap::new();
        if let Some(list) = codelists.get("municipalities")
            && let (Some(code), Some(region), Some(label)) =
                (list.column("code"), list.column("region"), list.column("label"))
        {
            for row in &list.rows {
                let municipality = Municipality { code: &row[code], region: &row[region] };
                municipalities.entry(folded(&row[label])).or_default().push(municipality);
            }
        }
        Places { codelists, municipalities }
    }

    /// The municipality of this name, if there is one only, or only one in the province of the postal code; else the
    /// region of that province. A province in brackets behind the name, as in `Torrelavega (Cantabria)`, is left out.
    pub fn find(&self, name: Option<&str>, postal_code: Option<&str>) -> Place {
        let province = postal_code
            .filter(|code| code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit()))
            .map(|code| &code[..2]);
        let named = |name: &str| self.municipalities.get(&folded(name));
        let found = name.and_then(|name| {
            let bare = name.split_once('(').map(|(bare, _)| bare);
            named(name).or_else(|| bare.and_then(named))
        });
        let mut found: Vec<&Municipality<'_>> = found.into_iter().flatten().collect();
        if let (Some(province), true) = (province, found.len() > 1) {
            found.retain(|municipality| municipality.code.starts_with(province));
        }
        if let [one] = found.as_slice() {
            return Place { municipality: Some(one.code.to_owned()), region: Some(one.region.to_owned()) };
        }
        let region = province.and_then(|province| {
            let list = self.codelists.get("provinces")?;
            Some(list.row(province)?[list.column("region")?].clone())
        });
        Place { municipality: None, region }
    }
}
