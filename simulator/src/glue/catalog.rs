//! The contents of the Data Catalog: databases, their tables, and the tables' partitions.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::account::ACCOUNT;
use crate::glue::error::GlueError;
use crate::glue::partitions::{CREATED, Partitions};

/// Maximum length of a name, in characters.
const MAX_NAME: usize = 255;

/// The catalog. Names are stored in lower case, as in Glue.
#[derive(Default)]
pub(crate) struct Catalog {
    databases: BTreeMap<String, Database>,
}

struct Database {
    input: Value,
    tables: BTreeMap<String, Table>,
}

struct Table {
    input: Value,
    partitions: Partitions,
}

impl Catalog {
    pub(crate) fn create_database(&mut self, request: &Value) -> Result<Value, GlueError> {
        let mut input = request["DatabaseInput"].clone();
        let name = name(&input, "Name")?;
        if self.databases.contains_key(&name) {
            return Err(GlueError::exists("Database already exists."));
        }
        input["Name"] = name.clone().into();
        self.databases.insert(name, Database { input, tables: BTreeMap::new() });
        Ok(json!({}))
    }

    pub(crate) fn get_database(&self, request: &Value) -> Result<Value, GlueError> {
        let name = name(request, "Name")?;
        let database = self.databases.get(&name).ok_or_else(|| no_database(&name))?;
        let mut answer = database.input.clone();
        answer["CatalogId"] = ACCOUNT.into();
        answer["CreateTime"] = CREATED.into();
        Ok(json!({ "Database": answer }))
    }

    pub(crate) fn create_table(&mut self, request: &Value) -> Result<Value, GlueError> {
        let mut input = request["TableInput"].clone();
        let name = name(&input, "Name")?;
        let tables = &mut self.database(request)?.tables;
        if tables.contains_key(&name) {
            return Err(GlueError::exists("Table already exists."));
        }
        input["Name"] = name.clone().into();
        let keys = input["PartitionKeys"].as_array().into_iter().flatten();
        let keys = keys.map(|key| self::name(key, "Name")).collect::<Result<_, _>>()?;
        tables.insert(name, Table { input, partitions: Partitions::new(keys) });
        Ok(json!({}))
    }

    pub(crate) fn get_table(&mut self, request: &Value) -> Result<Value, GlueError> {
        let database = name(request, "DatabaseName")?;
        let mut answer = self.table(request, "Name")?.input.clone();
        answer["DatabaseName"] = database.into();
        answer["CatalogId"] = ACCOUNT.into();
        answer["CreateTime"] = CREATED.into();
        answer["UpdateTime"] = CREATED.into();
        answer["VersionId"] = "0".into();
        Ok(json!({ "Table": answer }))
    }

    /// Deletes a table with its partitions.
    pub(crate) fn delete_table(&mut self, request: &Value) -> Result<Value, GlueError> {
        let name = name(request, "Name")?;
        self.database(request)?.tables.remove(&name).ok_or_else(|| no_table(&name))?;
        Ok(json!({}))
    }

    /// Returns the partitions of the table that a request names.
    pub(crate) fn partitions(&mut self, request: &Value) -> Result<&mut Partitions, GlueError> {
        Ok(&mut self.table(request, "TableName")?.partitions)
    }

    fn table(&mut self, request: &Value, field: &str) -> Result<&mut Table, GlueError> {
        let name = name(request, field)?;
        self.database(request)?.tables.get_mut(&name).ok_or_else(|| no_table(&name))
    }

    fn database(&mut self, request: &Value) -> Result<&mut Database, GlueError> {
        let name = name(request, "DatabaseName")?;
        self.databases.get_mut(&name).ok_or_else(|| no_database(&name))
    }
}

fn no_database(name: &str) -> GlueError {
    GlueError::missing(format!("Database {name} not found."))
}

fn no_table(name: &str) -> GlueError {
    GlueError::missing(format!("Table {name} not found."))
}

/// Reads a name and converts it to lower case.
fn name(object: &Value, field: &str) -> Result<String, GlueError> {
    let name = object[field].as_str().unwrap_or_default();
    if name.is_empty() || name.chars().count() > MAX_NAME {
        return Err(GlueError::validation(field, "Member must have length between 1 and 255"));
    }
    Ok(name.to_lowercase())
}
