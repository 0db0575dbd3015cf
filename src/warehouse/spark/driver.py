"""Runs the models of a build on Apache Spark: spark-submit [--master URL] driver.py [--check] PLAN.json

The plan is made by tejido (src/warehouse/spark/): the files of the lake, the small tables with their rows, and the models in
Spark's dialect with what is asked of them. This program makes the tables of the lake as the embedded warehouse does, runs each
model as soon as those that it reads are there, asks the audits, and only when none that stops a build has failed writes what is
published: sorted Parquet under its final name, and `_COMPLETE` last. Everything else goes to the folder `work`, which is removed.

With --check nothing is read: the models are analysed on empty tables, and what types alone can tell apart is refused.

Standard output has a line for each step. Exit codes: 0 done, 1 failed, 2 the plan is wrong, 3 an audit stops the build. What
happened is in the file `result` of the plan, also after a failure. Needs PySpark 4 and nothing else, on the workers neither.
"""

import json
import os
import sys
import time
import traceback
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from decimal import Decimal
from threading import Lock

PLAN_VERSION = 2

# Raking stops where all margins are met to this share of the margin (src/warehouse/rake.rs).
TOLERANCE = 1e-9
MOST_ROUNDS = 10_000

# Rows that are kept of an audit that fails.
MOST_ROWS = 10_000

KEY = "pipeline, dataset, indicator, region, sector, sector_scheme, size_class, unit, time_period"

# The columns of a partition as Spark reads them: it has no unsigned numbers.
CHANGES = (
    "pipeline string, dataset string, indicator string, region string, sector string, sector_scheme string, size_class string, "
    "unit string, time_period string, `value` double, flags string, vintage timestamp, `snapshot` string, cell decimal(20, 0), "
    "provenance string, `change` string"
)
MEMBERSHIPS = (
    "pipeline string, dataset string, cluster string, member string, identified_by string, name_key string, "
    "duplicate_of decimal(20, 0), `name` string, nif_valid boolean, activity string, sector_scheme string, municipality string, "
    "region string, size_class string, joined date, left_on date, website string, declared_forces string, vintage timestamp, `snapshot` string, "
    "`row` decimal(20, 0), cell decimal(20, 0), provenance string"
)


class Wrong(Exception):
    """Something that the user can correct; `model` is whose fault it is."""

    def __init__(self, message, model=None, step=None):
        super().__init__(message)
        self.model = model
        self.step = step


class PlanWrong(Wrong):
    """The plan is not one that this program can follow."""


def say(text):
    print(text, flush=True)


def name(text):
    return "`" + text.replace("`", "``") + "`"


def names(texts):
    return ", ".join(name(text) for text in texts)


def table_of(model):
    return f"{name(model['schema'])}.{name(model['name'])}"


# ---- types ----------------------------------------------------------------------------------------------------------------

SAME_TYPES = {
    "VARCHAR": "string",
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "HUGEINT": "decimal(38,0)",
    "DOUBLE": "double",
    "DATE": "date",
    "TIMESTAMP": "timestamp_ntz",
}
WHOLE = ["tinyint", "smallint", "int", "bigint"]


def spark_type(duckdb):
    """Spark's name of a type of DuckDB."""
    if duckdb in SAME_TYPES:
        return SAME_TYPES[duckdb]
    if duckdb.startswith("DECIMAL("):
        return duckdb.lower().replace(" ", "")
    raise Wrong(f"expected a type that both engines have, found `{duckdb}`")


def digits(decimal):
    precision, scale = decimal[len("decimal(") : -1].split(",")
    return int(precision) - int(scale), int(scale)


def is_wider(found, wanted):
    """Whether each value of one type is the same value in the other."""
    if found in ("void", wanted):
        return True
    if found in WHOLE and wanted in WHOLE:
        return WHOLE.index(found) < WHOLE.index(wanted)
    if found in WHOLE and wanted == "decimal(38,0)":
        return True
    if found.startswith("decimal") and wanted.startswith("decimal"):
        (whole, part), (wanted_whole, wanted_part) = digits(found), digits(wanted)
        # Sums have more digits than they need; what does not fit is an error of Spark, since it follows ANSI here.
        return part == wanted_part and (whole <= wanted_whole or wanted == "decimal(38,0)" or wanted_whole + wanted_part == 38)
    return False


def typed(spark, model):
    """The rows of a model with the columns and types that DuckDB gives them."""
    rows = spark.sql(model["sql"])
    look_at_types(rows, model)
    found = {field.name.lower(): (field.name, field.dataType.simpleString()) for field in rows.schema.fields}
    wanted = [column for column in model["columns"] if not (model.get("rake") and column["name"] in RAKED)]
    unknown = set(found) - {column["name"].lower() for column in wanted}
    if unknown or len(found) != len(rows.schema.fields):
        raise Wrong(f"expected the columns of the header, found also {', '.join(sorted(unknown))}", model["name"])
    fields = []
    for column in wanted:
        if column["name"].lower() not in found:
            raise Wrong(f"expected a column `{column['name']}`, found none", model["name"])
        own, kind = found[column["name"].lower()]
        target = spark_type(column["type"])
        if not is_wider(kind, target):
            raise Wrong(
                f"the column `{own}` is {column['type']} in DuckDB and {kind} on Spark: give it a type with `cast`", model["name"]
            )
        fields.append(f"{name(own)} as {name(column['name'])}" if kind == target else f"cast({name(own)} as {target}) as {name(column['name'])}")
    return rows.selectExpr(*fields)


# ---- what only types can tell ---------------------------------------------------------------------------------------------

PASSING = {
    "Alias", "Coalesce", "CaseWhen", "If", "Greatest", "Least", "Max", "Min", "First", "Last", "Lag", "Lead", "AggregateExpression",
    "WindowExpression", "Abs", "UnaryMinus", "Round", "RoundCeil", "Sum", "Add", "Subtract", "Multiply", "NullIf", "Remainder",
}
TEXTS = {"Concat", "Substring", "Upper", "Lower", "StringReplace", "SplitPart", "StringTrim", "StringTrimRight", "StringTrimLeft"}


def trees(value):
    """The trees of expressions in the JSON form of a plan."""
    if isinstance(value, list):
        if value and isinstance(value[0], dict) and "num-children" in value[0]:
            yield value
        for one in value:
            yield from trees(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from trees(one)


def look_at_types(rows, model):
    """Refuses what Spark does without a word where DuckDB does something else."""
    try:
        plan = json.loads(rows._jdf.queryExecution().analyzed().toJSON())
    except Exception as error:  # A form for people to debug: without it nothing can be looked at.
        raise Wrong(f"Spark does not show how it understood the model: {first_line(error)}", model["name"], "check") from error
    for tree in trees(plan):
        at = 0

        def visit():
            nonlocal at
            node = tree[at]
            at += 1
            children = [visit() for _ in range(node["num-children"])]
            kind = node["class"].rsplit(".", 1)[-1]
            if kind in ("Cast", "TryCast"):
                told = refused_cast(children[0][1] if children else None, node.get("dataType"), children[0][0] if children else "")
                if told:
                    raise Wrong(told, model["name"], "check")
            if "dataType" in node:
                return kind, node["dataType"]
            if kind in TEXTS:
                return kind, "string"
            if kind in PASSING:
                known = [child for _, child in children if child not in (None, "void", "boolean")]
                return kind, known[0] if known else None
            return kind, None

        visit()


def refused_cast(found, wanted, child):
    if not isinstance(found, str) or not isinstance(wanted, str) or child == "Literal":
        return None
    if wanted == "string" and found in ("double", "float"):
        return "a double is written in another way on Spark (1.0E-4): cast it to a decimal first"
    is_broken = found in ("double", "float") or found.startswith("decimal") and not found.endswith(",0)")
    if wanted in ("byte", "short", "integer", "long") and is_broken:
        return "Spark cuts what DuckDB rounds: cast to a `decimal(p, 0)` before the whole number"
    if wanted == "date" and found == "string" and child != "Concat":
        return "Spark also reads `2024` and `2024-01` as dates: put the text of a whole date together with `||` before the cast"
    return None


# ---- the lake -------------------------------------------------------------------------------------------------------------


class Folders:
    """Files wherever Spark has them, local or in a store."""

    def __init__(self, spark):
        self.java = spark._jvm
        self.configuration = spark._jsc.hadoopConfiguration()

    def path(self, text):
        return self.java.org.apache.hadoop.fs.Path(text)

    def system(self, text):
        return self.path(text).getFileSystem(self.configuration)

    def remove(self, text):
        self.system(text).delete(self.path(text), True)

    def exists(self, text):
        return self.system(text).exists(self.path(text))

    def parts(self, text):
        """Files with rows, in the order of their numbers."""
        found = [status.getPath() for status in self.system(text).listStatus(self.path(text))]
        return sorted(path.toString() for path in found if path.getName().startswith("part-"))

    def rename(self, one, other):
        system = self.system(other)
        system.mkdirs(self.path(other).getParent())
        if not system.rename(self.path(one), self.path(other)):
            raise Wrong(f"could not rename `{one}` to `{other}`", step="write")

    def bytes(self, text):
        return self.system(text).getFileStatus(self.path(text)).getLen()

    def write(self, text, content):
        stream = self.system(text).create(self.path(text), True)
        try:
            stream.write(bytearray(content.encode()))
        finally:
            stream.close()


class Build:
    def __init__(self, plan, spark, is_check):
        self.plan = plan
        self.spark = spark
        self.is_check = is_check
        self.folders = Folders(spark)
        self.work = plan["work"].rstrip("/")
        self.output = plan["output"].rstrip("/")
        self.models = {}
        self.audits = {}
        self.lock = Lock()

    # A table is written and known under its name: what reads it finds files, whichever worker is lost meanwhile.
    def keep(self, rows, schema, table):
        path = f"{self.work}/{schema}/{table}"
        rows.write.mode("overwrite").option("compression", "zstd").option("path", path).saveAsTable(f"{name(schema)}.{name(table)}")

    def empty(self, schema, table, columns):
        fields = ", ".join(f"{name(column)} {kind}" for column, kind in columns)
        self.spark.sql(f"create table {name(schema)}.{name(table)} ({fields}) using parquet location '{self.work}/{schema}/{table}'")

    def databases(self):
        for schema in ("lake", "staging", "intermediate", "main"):
            self.spark.sql(f"create database if not exists {name(schema)} location '{self.work}/{schema}'")
        self.spark.catalog.setCurrentDatabase("main")

    def lake(self, pool):
        if self.is_check:
            jobs = [pool.submit(self.empty_lake)]
        else:
            jobs = [pool.submit(self.observations), pool.submit(self.memberships)]
        jobs += [pool.submit(self.small_table, table) for table in self.plan["lake"]["tables"]]
        for job in jobs:
            job.result()

    def empty_lake(self):
        observations = [one.strip().split(" ", 1) for one in CHANGES.split(", ") if not one.startswith("0)")]
        kinds = {"vintage": "timestamp_ntz", "cell": "bigint", "duplicate_of": "bigint", "row": "bigint"}
        columns = [(column.strip("`"), kinds.get(column.strip("`"), kind)) for column, kind in observations]
        self.empty("lake", "observations", columns[:-1])
        self.empty("lake", "observation_history", [*columns, ("valid_to", "timestamp_ntz")])
        members = [one.strip().split(" ", 1) for one in MEMBERSHIPS.split(", ") if not one.startswith("0)")]
        columns = [(column.strip("`"), kinds.get(column.strip("`"), kind)) for column, kind in members]
        self.empty("lake", "memberships", [*columns, ("is_current", "boolean")])

    def read(self, schema, files):
        # Names of folders are no columns.
        return self.spark.read.schema(schema).option("recursiveFileLookup", "true").parquet(*files)

    def observations(self):
        """A partition holds changes: what is in force is the last row of each key, unless it was withdrawn."""
        tables = self.plan["lake"]["observations"]
        fields = f"{KEY}, `value`, flags, cast(vintage as timestamp_ntz) as vintage, `snapshot`, cast(cell as bigint) as cell, provenance"
        single = [file for table in tables if table["is_of_one_vintage"] for file in table["files"]]
        several = [file for table in tables if not table["is_of_one_vintage"] for file in table["files"]]
        history = f"{KEY}, `value`, flags, vintage, `snapshot`, cell, provenance, `change`, valid_to"
        in_force = f"{KEY}, `value`, flags, vintage, `snapshot`, cell, provenance".split(", ")
        # The first vintage of a table has nothing before it, and most tables have only that one.
        rows = self.read(CHANGES, single).selectExpr(*split(fields)) if single else None
        if several:
            lead = f"lead(cast(vintage as timestamp_ntz)) over (partition by {KEY} order by vintage nulls last) as valid_to"
            # What the source has made confidential since is not told of an earlier moment either, nor where it stood.
            state = "`value` is null and coalesce(flags, '') like '%c%', case when `change` <> 'withdrawn' then vintage end"
            withheld = f"coalesce(max_by({state}) over (partition by {KEY}), false) as is_withheld"
            versions = self.read(CHANGES, several).selectExpr(*split(fields), "`change`", lead, withheld)
            versions = versions.persist() if self.plan.get("keep_versions") else versions
            last = versions.where("valid_to is null and `change` <> 'withdrawn'").selectExpr(*in_force)
            rows = last if rows is None else rows.unionByName(last)
            told = {name: f"case when not is_withheld then {name} end as {name}" for name in ("`value`", "cell")}
            older = versions.where("valid_to is not null or `change` = 'withdrawn'")
            older = older.selectExpr(*(told.get(name, name) for name in history.split(", ")))
        else:
            older = self.read(CHANGES, single[:1]).selectExpr(*split(fields), "`change`", "cast(null as timestamp_ntz) as valid_to")
            older = older.where("false")
        self.keep(rows, "lake", "observations")
        self.keep(older, "lake", "observation_history")

    def memberships(self):
        """Each partition holds a whole register."""
        fields = (
            "pipeline, dataset, cluster, member, identified_by, name_key, cast(duplicate_of as bigint) as duplicate_of, `name`, "
            "nif_valid, activity, sector_scheme, municipality, region, size_class, joined, left_on, website, declared_forces, "
            "cast(vintage as timestamp_ntz) as vintage, `snapshot`, cast(`row` as bigint) as `row`, cast(cell as bigint) as cell, provenance"
        )
        parts = self.plan["lake"]["memberships"]
        rows = None
        for is_current in (True, False):
            files = [part["file"] for part in parts if part["is_current"] == is_current]
            if files:
                some = self.read(MEMBERSHIPS, files).selectExpr(*split(fields), f"{str(is_current).lower()} as is_current")
                rows = some if rows is None else rows.unionByName(some)
        if rows is None:
            empty = self.spark.createDataFrame([], MEMBERSHIPS)
            rows = empty.selectExpr(*split(fields), "true as is_current")
        self.keep(rows, "lake", "memberships")

    def small_table(self, table):
        """A table whose rows are in the plan: a codelist, or what the program itself knows. An empty field is null."""
        columns = [(column["name"], spark_type(column["type"])) for column in table["columns"]]
        if self.is_check:
            return self.empty("lake", table["name"], columns)
        texts = ", ".join(f"{name(column)} string" for column, _ in columns)
        rows = self.spark.createDataFrame([tuple(row) for row in table["rows"]], texts)
        self.keep(rows.selectExpr(*[f"cast({name(column)} as {kind}) as {name(column)}" for column, kind in columns]).coalesce(1), "lake", table["name"])

    # ---- models -----------------------------------------------------------------------------------------------------------

    def model(self, model):
        started = time.monotonic()
        try:
            result = self.make(model)
        except Wrong as error:
            error.model = error.model or model["name"]
            raise
        except Exception as error:
            raise Wrong(first_line(error), model["name"], "run") from error
        result["seconds"] = round(time.monotonic() - started, 3)
        rows = "view" if model["kind"] == "view" else "checked" if self.is_check else f"{result['rows']} rows"
        say(f"model {model['name']}: {rows}, {result['seconds']:.1f} s")
        return result

    def make(self, model):
        result = {"name": model["name"], "schema": model["schema"], "kind": model["kind"], "rows": None, "files": []}
        rows = typed(self.spark, model)
        result["columns"] = [{"name": field.name, "type": field.dataType.simpleString()} for field in rows.schema.fields]
        if model["kind"] == "view":
            # What DuckDB would widen is widened here, too.
            fields = ", ".join(f"cast({name(column['name'])} as {spark_type(column['type'])}) as {name(column['name'])}" for column in model["columns"])
            self.spark.sql(f"create view {table_of(model)} as select {fields} from (\n{model['sql']}\n)")
            if self.is_check:
                self.ask(model)
            else:
                self.audits[model["name"]] = self.ask(model)
            return result
        if self.is_check:
            self.empty(model["schema"], model["name"], [(column["name"], spark_type(column["type"])) for column in model["columns"]])
            self.ask(model)
            return result
        if model.get("rake"):
            rows = rake_table(self.spark, rows, model)
        self.keep(rows, model["schema"], model["name"])
        self.audits[model["name"]] = self.ask(model)
        result["rows"] = self.audits[model["name"]].pop("rows")
        return result

    # ---- audits -----------------------------------------------------------------------------------------------------------

    def ask(self, model):
        """All that is asked of the rows: at most one look at them for counts, and one for the grain."""
        table = table_of(model)
        counts = ["count(*)"]
        answers = []  # (audit, blocking, index of the count or a function, rows that fail)

        def count(sql):
            counts.append(sql)
            return len(counts) - 1

        nulls = " or ".join(f"{name(column)} is null" for column in model["grain"])
        empty = count(f"count_if({nulls})")
        twice = f"select count(*) from (select 1 from {table} group by {names(model['grain'])} having count(*) > 1)"
        # Rows of equal keys have equal hashes: as long as no hash is there twice, no key is, and numbers are grouped fast.
        hashes = f"select count(*) - count(distinct xxhash64({names(model['grain'])})) from {table}"
        repeated = f"select {names(model['grain'])} from {table} group by {names(model['grain'])} having count(*) > 1"
        failing = f"select * from {table} where {nulls} or ({names(model['grain'])}) in ({repeated})"
        how = ("count", empty) if model["is_unique"] else ("grain", empty, twice, hashes)
        answers.append((f"grain: {', '.join(model['grain'])}", True, how, failing))
        for audit in model["audits"]:
            kind = audit["kind"]
            rows = None
            if kind == "every" and audit.get("has_subquery"):
                rows = f"select * from {table} where ({audit['predicate']}) is not true"
                how = ("query", f"select count(*) from ({rows})")
            elif kind == "every":
                how = ("count", count(f"count_if(({audit['predicate']}) is not true)"))
                rows = f"select * from {table} where ({audit['predicate']}) is not true"
            elif kind == "exists":
                how = ("some", count(f"count_if({audit['predicate']})"))
            elif kind == "rows":
                how = ("rows", audit["least"], audit.get("most"))
            elif kind == "references":
                equal = " and ".join(
                    f"model.{name(own)} = other.{name(other)}" for own, other in zip(audit["columns"], audit["others"], strict=True)
                )
                given = " and ".join(f"model.{name(own)} is not null" for own in audit["columns"])
                rows = f"select model.* from {table} as model left anti join {audit['other']} as other on {equal} where {given}"
                how = ("query", f"select count(*) from ({rows})")
            elif kind == "not_below_last":
                how = ("share", audit["percent"], audit.get("last_rows"))
            elif kind == "moves":
                how = ("nothing",)
                if audit.get("previous") and not self.is_check:
                    self.spark.read.parquet(*audit["previous"]).createOrReplaceTempView(f"previous_{model['name']}")
                    equal = " and ".join(f"model.{name(column)} = last.{name(column)}" for column in model["grain"])
                    column = name(audit["column"])
                    rows = (
                        f"select model.*, last.{column} as last_value from {table} as model inner join previous_{model['name']} as last "
                        f"on {equal} where abs(model.{column} - last.{column}) > {audit['most']}"
                    )
                    how = ("query", f"select count(*) from ({rows})")
            elif kind == "newest":
                newest = f"max(cast({name(audit['column'])} as timestamp_ntz))"
                limit = f"cast('{self.plan['now']}' as timestamp_ntz) - interval {int(audit['days'])} days"
                how = ("newest", count(f"coalesce({newest} >= {limit}, false)"))
            else:
                raise PlanWrong(f"expected a kind of audit, found `{kind}`", model["name"])
            answers.append((audit["text"], audit["blocking"], how, rows))
        asked = f"select {', '.join(counts)} from {table}"
        if self.is_check:
            self.spark.sql(asked)
            for _, _, how, _ in answers:
                if how[0] == "query":
                    self.spark.sql(how[1])
            return None
        found = self.spark.sql(asked).first()
        results = []
        for at, (audit, blocking, how, rows) in enumerate(answers):
            what = how[0]
            if what == "grain":
                failing = found[how[1]]
                if self.spark.sql(how[3]).first()[0]:
                    failing += self.spark.sql(how[2]).first()[0]
            elif what == "count":
                failing = found[how[1]]
            elif what == "some":
                failing = 0 if found[how[1]] > 0 else 1
            elif what == "rows":
                failing = 0 if how[1] <= found[0] and (how[2] is None or found[0] <= how[2]) else 1
            elif what == "query":
                failing = self.spark.sql(how[1]).first()[0]
            elif what == "share":
                failing = 0 if how[2] is None or 100.0 * found[0] >= how[1] * how[2] else 1
            elif what == "newest":
                failing = 0 if found[how[1]] else 1
            else:
                failing = 0
            kept = None
            if failing and rows and not model.get("private"):
                kept = f"audits/{model['name']}-{at}.parquet"
                self.one_file(self.spark.sql(rows).limit(MOST_ROWS), f"{self.output}/{kept}", None)
            results.append({"model": model["name"], "audit": audit, "blocking": blocking, "failing_rows": failing, "kept": kept})
        return {"rows": found[0], "results": results}

    # ---- what is published ------------------------------------------------------------------------------------------------

    def one_file(self, rows, path, order):
        """Written beside, then renamed: under its name a file is whole."""
        temporary = f"{self.work}/.tmp-{path.rsplit('/', 1)[-1]}"
        rows = rows.repartition(1)
        if order:
            rows = rows.sortWithinPartitions(*order)
        rows.write.mode("overwrite").option("compression", "zstd").parquet(temporary)
        (part,) = self.folders.parts(temporary)
        self.folders.rename(part, path)
        self.folders.remove(temporary)
        return [path]

    def export(self, model, result):
        """One file sorted by the grain; of a table too large for one task several, each before the next."""
        started = time.monotonic()
        try:
            rows = self.spark.table(table_of(model))
            order = [name(column) for column in model["grain"]]
            path = f"{self.output}/{model['schema']}/{model['name']}.parquet"
            if result["rows"] <= self.plan["one_file_rows"]:
                files = self.one_file(rows, path, order)
            else:
                temporary = f"{self.work}/.tmp-{model['name']}"
                rows.orderBy(*order).write.mode("overwrite").option("compression", "zstd").parquet(temporary)
                files = []
                for at, part in enumerate(self.folders.parts(temporary)):
                    files.append(f"{path.removesuffix('.parquet')}-{at:05}.parquet")
                    self.folders.rename(part, files[-1])
                self.folders.remove(temporary)
        except Wrong:
            raise
        except Exception as error:
            raise Wrong(first_line(error), model["name"], "write") from error
        result["files"] = [{"path": file, "bytes": self.folders.bytes(file)} for file in files]
        result["export_seconds"] = round(time.monotonic() - started, 3)

    def run(self, result):
        plan = self.plan
        if not self.is_check and self.folders.exists(f"{self.output}/_COMPLETE"):
            raise PlanWrong(f"`{self.output}` holds a build that is complete: name another folder", step="start")
        if not self.is_check:
            self.folders.remove(self.output)
        self.folders.remove(self.work)
        self.databases()
        with ThreadPoolExecutor(max_workers=max(1, plan["parallel_models"])) as pool:
            if not self.is_check:
                say("loading the lake")
            try:
                self.lake(pool)
            except Wrong:
                raise
            except Exception as error:
                raise Wrong(first_line(error), step="load the lake") from error
            by_name = {model["name"]: model for model in plan["models"]}
            waiting = dict(by_name)
            running = {}
            done = set()
            try:
                while waiting or running:
                    ready = [one for one, model in waiting.items() if all(other in done for other in model["reads"])]
                    if not ready and not running:
                        raise PlanWrong(f"these models wait for each other: {', '.join(waiting)}", step="start")
                    for one in ready:
                        running[pool.submit(self.model, waiting.pop(one))] = one
                    finished, _ = wait(running, return_when=FIRST_COMPLETED)
                    for job in finished:
                        one = running.pop(job)
                        self.models[one] = job.result()
                        done.add(one)
                results = [result for one in plan["models"] for result in (self.audits.get(one["name"]) or {}).get("results", [])]
                result["audits"] = results
                stopping = [one for one in results if one["blocking"] and one["failing_rows"]]
                if stopping:
                    result["status"] = "audits"
                    return 3
                if not self.is_check:
                    say("writing what is published")
                    published = [model for model in plan["models"] if model["kind"] == "table" and not model.get("private")]
                    jobs = [pool.submit(self.export, model, self.models[model["name"]]) for model in published]
                    for job in jobs:
                        job.result()
            except BaseException:
                for job in running:
                    job.cancel()
                self.spark.sparkContext.cancelAllJobs()
                raise
            finally:
                result["models"] = [self.models[one] for one in by_name if one in self.models]
        result["status"] = "done"
        if not self.is_check:
            self.folders.write(f"{self.output}/_COMPLETE", json.dumps({"version": PLAN_VERSION, "models": result["models"]}))
        return 0


def split(fields):
    """Fields of a list without those commas that stand in brackets."""
    found, depth = [""], 0
    for character in fields:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            found.append("")
        else:
            found[-1] += character
    return [field.strip() for field in found]


# ---- raking ---------------------------------------------------------------------------------------------------------------
# As src/warehouse/rake.rs does it, sum by sum: the same order gives the same digits. By groups of plain rows, so that workers
# need neither pandas nor Arrow, and whole numbers that are null stay whole numbers.

RAKED = ("raked", "raking_rounds", "raking_error", "raking_refusal")


def rake_table(spark, rows, model):
    from pyspark.sql.types import DoubleType, LongType, StringType, StructField, StructType

    rule = model["rake"]
    columns = [field.name for field in rows.schema.fields]
    wanted = {rule["seed"], *rule["within"]} | {one for total, by in rule["margins"] for one in [total, *by]}
    if wanted - set(columns):
        raise Wrong(f"the SELECT gives no column to rake named {', '.join(sorted(wanted - set(columns)))}", model["name"])
    doubles = [rule["seed"], *[total for total, _ in rule["margins"]]]
    plain = rows.selectExpr(*names(columns).split(", "), *[f"cast({name(column)} as double) as {name('.raking ' + str(at))}" for at, column in enumerate(doubles)])
    at = {column: number for number, column in enumerate(columns)}
    within = [at[column] for column in rule["within"]]
    order = [at[column] for column in model["grain"]]
    margins = [(total, by, [at[column] for column in by]) for total, by in rule["margins"]]
    width = len(columns)

    def raked(problem):
        cells = sorted(problem, key=lambda row: [row[column] for column in order])
        outcome = rake_problem(cells, margins, width)
        for number, row in enumerate(cells):
            own = tuple(row[:width])
            if isinstance(outcome, str):
                yield (*own, None, None, None, outcome)
            else:
                values, rounds, error = outcome
                yield (*own, values[number], rounds, error, None)

    partitions = int(spark.conf.get("spark.sql.shuffle.partitions"))
    grouped = plain.rdd.map(lambda row: (tuple(row[column] for column in within), tuple(row))).groupByKey(partitions)
    kinds = [DoubleType(), LongType(), DoubleType(), StringType()]
    schema = StructType(rows.schema.fields + [StructField(column, kind) for column, kind in zip(RAKED, kinds, strict=True)])
    return spark.createDataFrame(grouped.flatMap(lambda pair: raked(pair[1])), schema, verifySchema=False)


def rake_problem(cells, margins, width):
    """The cells of one table, raked; in words, why they cannot be."""
    seed = [0.0 if row[width] is None else row[width] for row in cells]
    known = []
    for number, (column, by, groups) in enumerate(margins):
        numbers, group, totals = {}, [], []
        for row in cells:
            key = tuple(row[one] for one in groups)
            total = row[width + 1 + number]
            if key not in numbers:
                numbers[key] = len(totals)
                totals.append(total)
            elif totals[numbers[key]] != total:
                return f"`{column}` has several totals for one group of {', '.join(by)}"
            group.append(numbers[key])
        known.append((", ".join(by), group, totals))
    return rake(seed, known)


def sums(cells, margin):
    _, group, totals = margin
    found = [0.0] * len(totals)
    for cell, number in zip(cells, group):
        found[number] += cell
    return found


def distance(cells, margin):
    largest = 0.0
    for found, total in zip(sums(cells, margin), margin[2]):
        if total is not None:
            largest = max(largest, abs(found - total) / (total if total > 0.0 else 1.0))
    return largest


def is_finite(value):
    return value == value and value not in (float("inf"), float("-inf"))


def rake(seed, margins):
    for value in seed:
        if not is_finite(value) or value < 0.0:
            return f"a seed is a number from 0 on, found {number_text(value)}"
    refusal = disagreement(seed, margins)
    if refusal:
        return refusal
    cells = list(seed)
    for rounds in range(MOST_ROUNDS + 1):
        largest = max([distance(cells, margin) for margin in margins], default=0.0)
        if largest <= TOLERANCE:
            return cells, rounds, largest
        for margin in margins:
            _, group, totals = margin
            found = sums(cells, margin)
            for at, number in enumerate(group):
                if totals[number] is not None and found[number] > 0.0:
                    cells[at] *= totals[number] / found[number]
    worst = max(reversed(margins), key=lambda margin: distance(cells, margin))
    mantissa, exponent = f"{distance(cells, worst):.1e}".split("e")
    return f"the margins are not met after {MOST_ROUNDS} rounds: that by {worst[0]} is {mantissa}e{int(exponent)} away"


def disagreement(seed, margins):
    for margin in margins:
        label, _, totals = margin
        for found, total in zip(sums(seed, margin), totals):
            if total is None:
                continue
            if not is_finite(total) or total < 0.0:
                return f"a margin is a number from 0 on, found {number_text(total)} by {label}"
            if total > 0.0 and found == 0.0:
                return f"all cells are structural zeros where the margin by {label} is {number_text(total)}"
    whole = [margin for margin in margins if None not in margin[2]]
    if whole:
        added = []
        for _, _, totals in whole:
            one = 0.0
            for total in totals:
                one += total
            added.append(one)
        for margin, found in zip(whole[1:], added[1:]):
            if abs(found - added[0]) > TOLERANCE * max(added[0], found):
                return (
                    f"the margins disagree: they add up to {number_text(added[0])} by {whole[0][0]} "
                    f"and to {number_text(found)} by {margin[0]}"
                )
    return None


def number_text(value):
    """A number as Rust writes it: the shortest digits, without an exponent."""
    if not is_finite(value):
        return {"nan": "NaN"}.get(str(value), str(value))
    text = format(Decimal(repr(value)), "f")
    return text.removesuffix(".0")


# ---- start ----------------------------------------------------------------------------------------------------------------


def first_line(error):
    """What Spark says, without its stack."""
    text = getattr(error, "desc", None) or str(error) or type(error).__name__
    lines = []
    for line in text.strip().splitlines():
        if line.startswith(("\tat ", "Driver stacktrace", "JVM stacktrace", "Traceback")):
            break
        if line.strip():
            lines.append(line.strip())
    return " ".join(lines)[:2000]


def read_plan(path):
    try:
        with open(path, encoding="utf-8") as file:
            plan = json.load(file)
    except (OSError, ValueError) as error:
        raise PlanWrong(f"could not read the plan `{path}`: {error}") from error
    if plan.get("version") != PLAN_VERSION:
        raise PlanWrong(f"expected a plan of version {PLAN_VERSION}, found `{plan.get('version')}`")
    for key in ("application", "work", "output", "result", "now", "lake", "models"):
        if key not in plan:
            raise PlanWrong(f"expected `{key}` in the plan, found none")
    for key in ("work", "output"):
        # Spark would look for it in another folder on each machine.
        if not plan[key].startswith("/") and "://" not in plan[key]:
            raise PlanWrong(f"expected an absolute path or an address as `{key}`, found `{plan[key]}`")
    plan.setdefault("parallel_models", 4)
    plan.setdefault("one_file_rows", 5_000_000)
    plan.setdefault("settings", {})
    return plan


def session(plan, is_check):
    from pyspark.sql import SparkSession

    fixed = {
        # Errors where DuckDB has errors, and the same arithmetic.
        "spark.sql.ansi.enabled": "true",
        "spark.sql.ansi.doubleQuotedIdentifiers": "false",
        "spark.sql.ansi.enforceReservedKeywords": "false",
        "spark.sql.storeAssignmentPolicy": "ANSI",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.caseSensitive": "false",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.decimalOperations.allowPrecisionLoss": "false",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
        "spark.sql.legacy.createHiveTableByDefault": "false",
        "spark.sql.warehouse.dir": plan["work"].rstrip("/") + "/warehouse",
    }
    usual = {
        "spark.scheduler.mode": "FAIR",
        # The lake has few bytes a row: by Spark's own measure 40 million rows would be the work of one task.
        "spark.sql.files.maxPartitionBytes": "2m",
        "spark.sql.files.openCostInBytes": "128k",
        # A worker that is lost takes its shuffles along: the stage is run again, not the build given up.
        "spark.stage.maxConsecutiveAttempts": "8",
        "spark.task.maxFailures": "8",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    builder = SparkSession.builder.appName(plan["application"])
    if plan.get("shuffle_partitions"):
        builder = builder.config("spark.sql.shuffle.partitions", str(plan["shuffle_partitions"]))
    for key, value in {**usual, **plan["settings"], **fixed}.items():
        builder = builder.config(key, value)
    if is_check:
        builder = builder.master("local[1]")
    elif plan.get("master"):
        builder = builder.master(plan["master"])
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def main(arguments):
    is_check = "--check" in arguments
    paths = [argument for argument in arguments if not argument.startswith("--")]
    if len(paths) != 1:
        print("usage: driver.py [--check] PLAN.json", file=sys.stderr)
        return 2
    started = time.monotonic()
    result = {"version": PLAN_VERSION, "status": "failed", "spark": None, "seconds": None, "models": [], "audits": [], "error": None}
    spark = build = plan = None
    code = 1
    try:
        plan = read_plan(paths[0])
        try:
            spark = session(plan, is_check)
        except Exception as error:
            raise Wrong(first_line(error), step="start Spark") from error
        result["spark"] = spark.version
        build = Build(plan, spark, is_check)
        code = build.run(result)
    except Wrong as error:
        result["error"] = {"model": error.model, "step": error.step or "run", "message": str(error)}
        code = 2 if isinstance(error, PlanWrong) else 1
        if error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
    except Exception as error:
        result["error"] = {"model": None, "step": "run", "message": first_line(error)}
        traceback.print_exc()
    if build is not None:
        try:
            build.folders.remove(build.work)
            if code not in (0, 3) and not is_check:
                build.folders.remove(build.output)
        except Exception as error:
            print(f"could not remove `{build.work}`: {first_line(error)}", file=sys.stderr)
    if spark is not None:
        try:
            spark.stop()
        except Exception as error:
            print(f"Spark did not stop by itself: {first_line(error)}", file=sys.stderr)
    result["seconds"] = round(time.monotonic() - started, 3)
    if result["error"]:
        whose = f"`{result['error']['model']}`: " if result["error"]["model"] else ""
        print(f"error: {whose}{result['error']['message']}", file=sys.stderr)
    if plan is not None:
        temporary = plan["result"] + ".tmp"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(result, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, plan["result"])
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
