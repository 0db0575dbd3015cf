-- What the data of one table are worth, by indicator and year.
-- of: data_quality
-- part: dataset
-- key: source, indicator, unit, time_period
select
    dataset,
    source,
    indicator,
    unit,
    time_period,
    cells,
    cells_with_value,
    suppressed_percent,
    missing_percent,
    low_reliability_percent,
    flagged_breaks + case when declared_break then 1 else 0 end as breaks,
    zeros_after_hundred + totals_outside_parts + unmoved_values as anomalies,
    disagreements,
    official_percent
from main.data_quality
order by dataset, source, indicator, unit, time_period
