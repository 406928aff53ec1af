"""Rows as Arrow tables of one schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return rows as a table; raise ValueError where the values of a column mix types."""
    import pyarrow as pa

    names = dict.fromkeys(name for row in rows for name in row)
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        numbers = {type(value) for value in values} - {type(None)} == {int, float}
        try:
            if numbers:  # large integers are rounded, as where they are in different blocks
                values = [None if value is None else float(value) for value in values]
            columns[name] = pa.array(values)
        except (pa.ArrowException, OverflowError) as error:
            raise ValueError(
                f"{name} must have values of one type (numbers, or texts, or sequences of them) in "
                f"all points and rows: {error}"
            ) from None
    return pa.table(columns)


def unified(schemas: Iterable[pa.Schema]) -> pa.Schema:
    """Return a schema that holds the values of all schemas; raise ValueError where none does.

    A column of integers in one and of floating-point numbers in another becomes floating-point;
    where a column is missing or has no value, the others decide its type.
    """
    import pyarrow as pa

    try:
        return pa.unify_schemas(
            [schema.remove_metadata() for schema in schemas], promote_options="permissive"
        )
    except pa.ArrowException as error:
        raise ValueError(
            f"a column must have values of one type in all points and rows: {error}"
        ) from None


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the table with the columns of a wider schema."""
    import pyarrow as pa

    if table.schema.equals(schema):
        return table
    columns = [
        table[field.name].cast(field.type, safe=False)  # integers above 2⁵³ are rounded
        if field.name in table.column_names
        else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def joined(parts: Sequence[pa.Table]) -> pa.Table | None:
    """Return tables as one, with the columns of them all; None where there are no tables."""
    import pyarrow as pa

    if not parts:
        return None
    schema = unified(dict.fromkeys(part.schema.remove_metadata() for part in parts))
    return pa.concat_tables([conform(part, schema) for part in parts])


def ordered(table: pa.Table, params: Iterable[str]) -> pa.Table:
    """Return the table with its columns in an order that does not depend on that of the rows."""
    first = [name for name in (*params, "trial", "row") if name in table.column_names]
    return table.select([*first, *sorted(set(table.column_names) - set(first))])
