-- Every share beside the same share of another region, as in: from gap_to('ES') where region = 'ES13'.
-- Only the preferred figures are compared, of the same publisher, sector, size class, indicator, unit and year.
-- parameter other: the region to compare with, such as ES or EU27_2020
select
    own.region,
    own.sector,
    own.sector_scheme,
    own.size_class,
    own.indicator,
    own.unit,
    own.time_period,
    own.share,
    theirs.share as other_share,
    -- Differences of figures with two decimals, without the noise of binary fractions.
    cast(cast(own.share as decimal(12, 6)) - cast(theirs.share as decimal(12, 6)) as double) as gap,
    own."snapshot",
    own.cell,
    theirs."snapshot" as other_snapshot,
    theirs.cell as other_cell
from ict_adoption as own
inner join ict_adoption as theirs
    on own.sector = theirs.sector
    and own.sector_scheme = theirs.sector_scheme
    and own.size_class = theirs.size_class
    and own.indicator = theirs.indicator
    and own.unit = theirs.unit
    and own.time_period = theirs.time_period
    and own.publisher = theirs.publisher
where
    own.preferred
    and theirs.preferred
    and theirs.region = other
