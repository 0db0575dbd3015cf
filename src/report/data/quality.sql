-- What the data of each table are worth, over all its indicators and years.
-- of: data_quality
-- sum: quality_years
-- key: source, dataset
select
    source,
    dataset,
    cast(count(distinct indicator) as integer) as indicators,
    min(time_period) as first_period,
    max(time_period) as last_period,
    cast(sum(cells) as bigint) as cells,
    cast(sum(cells_with_value) as bigint) as cells_with_value,
    cast(sum(suppressed_percent * cells) as double) / cast(sum(cells) as double) as suppressed_percent,
    cast(sum(missing_percent * cells) as double) / cast(sum(cells) as double) as missing_percent,
    cast(sum(low_reliability_percent * cells_with_value) as double)
        / cast(nullif(sum(cells_with_value), 0) as double) as low_reliability_percent,
    cast(sum(flagged_breaks) + sum(case when declared_break then 1 else 0 end) as bigint) as breaks,
    cast(sum(zeros_after_hundred + totals_outside_parts + unmoved_values) as bigint) as anomalies,
    cast(sum(disagreements) as bigint) as disagreements,
    cast(sum(official_percent * cells) as double) / cast(sum(cells) as double) as official_percent,
    max(newest_vintage) as newest_vintage
from main.data_quality
group by source, dataset
order by source, dataset
