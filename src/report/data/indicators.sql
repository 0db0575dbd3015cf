-- Names of the indicators that have published shares, what each is a share of, and of which years there are figures.
-- of: ict_adoption
-- key: indicator, unit
select
    adoption.indicator,
    adoption.unit,
    min(adoption.indicator_name_es) as name_es,
    min(adoption.indicator_name_en) as name_en,
    min(adoption.driving_force) as force,
    min(adoption.time_period) as first_period,
    max(adoption.time_period) as last_period,
    cast(count(distinct case when adoption.region_level = 'nuts2' then adoption.region end) as integer) as regions,
    cast(count(distinct adoption.sector) as integer) as sectors
from main.ict_adoption as adoption
where adoption.share is not null
group by adoption.indicator, adoption.unit
order by adoption.indicator, adoption.unit
