-- Each published claim beside the figure of the data: whether it agrees, and the words of its sentence.
-- grain: claim
-- column claim: code of the claim
-- column kind: share, members, clusters or enterprises
-- column claim_source: where it was published
-- column claim_source_es: where it was published, in Spanish
-- column claimed_value: the published figure
-- column claim_precision: what the last digit of the claim is worth
-- column reading: equal, just_over, about or at_least
-- column indicator: what is measured
-- column unit: unit of the figure
-- column region: region it speaks of
-- column sector: activity it speaks of
-- column size_class: persons employed
-- column time_period: year of reference
-- column publisher: whose figure it is
-- column predicate_es: what is said of the enterprises, in Spanish
-- column predicate_en: what is said of the enterprises, in English
-- column found_value: the figure of the data
-- column country_value: the country's figure beside that of a region
-- column flags: observation flags
-- column source: the pipeline that delivered it
-- column dataset: its table
-- column vintage: UTC time of the snapshot in which it first stood
-- column snapshot: BLAKE3 of the bytes that it was read from
-- column cell: byte offset of the value in the decompressed snapshot
-- column country_snapshot: BLAKE3 of the bytes of the country's value
-- column country_cell: byte offset of the country's value there
-- column counted_cells: of a count that is a sum, its cells
-- column export_snapshots: of a count of members, its exports
-- column provenance: official, synthetic, or none where there is nothing
-- column is_reproduced: whether the figure agrees at the precision of the claim
-- column status: reproduced, not_reproduced, no_value, no_cell or not_specified
-- column who_es: of whom it speaks, in Spanish
-- column who_en: of whom it speaks, in English
-- column country_name_es: name of the region's country in Spanish; null for a country
-- column country_name_en: name of the region's country in English; null for a country
-- column claimed_text: the published figure with a decimal point and no zeros at the end
-- column found_text: the figure of the data, likewise
-- column country_text: the country's figure, likewise
-- audit: status in ('reproduced', 'not_reproduced', 'no_value', 'no_cell', 'not_specified')
-- audit: kind <> 'share' or (who_es is not null and who_en is not null)
with judged as (
    select
        claims.*,
        found.found_value,
        found.country_value,
        found.flags,
        found.source,
        found.dataset,
        found.vintage,
        found."snapshot",
        found.cell,
        found.country_snapshot,
        found.country_cell,
        found.counted_cells,
        found.export_snapshots,
        coalesce(found.provenance, 'none') as provenance,
        found.claim is not null as is_found,
        -- Decimals: a figure that lies halfway rounds to both sides.
        case claims.reading
            when 'equal' then abs(found.found_value - claims.claimed_value) * 2 <= claims.claim_precision
            when 'just_over' then found.found_value >= claims.claimed_value
                and found.found_value < claims.claimed_value + claims.claim_precision
            when 'about' then abs(found.found_value - claims.claimed_value) <= claims.claim_precision
            when 'at_least' then found.found_value >= claims.claimed_value
        end as is_reproduced
    from staging.stg_published_claims as claims
    left join intermediate.int_claim_values as found on claims.claim = found.claim
),

-- A total is not named: it is what everyone means by enterprises.
described as (
    select
        judged.*,
        regions.region_name_es,
        regions.region_name_en,
        case when regions.country <> judged.region then countries.region_name_es end as country_name_es,
        case when regions.country <> judged.region then countries.region_name_en end as country_name_en,
        sizes.size_class_name_es
            || case
                when judged.sector in ('INE_TOTAL', 'C10-S951_X_K') then ''
                else coalesce('; ' || sectors.sector_name_es, '')
            end
            as detail_es,
        sizes.size_class_name_en
            || case
                when judged.sector in ('INE_TOTAL', 'C10-S951_X_K') then ''
                else coalesce('; ' || sectors.sector_name_en, '')
            end
            as detail_en
    from judged
    left join staging.stg_regions as regions on judged.region = regions.region
    left join staging.stg_regions as countries on regions.country = countries.region
    left join staging.stg_sectors as sectors on sectors.sector_scheme = 'NACE_R2' and judged.sector = sectors.sector
    left join staging.stg_size_classes as sizes on judged.size_class = sizes.size_class
)

select
    claim,
    kind,
    claim_source,
    claim_source_es,
    claimed_value,
    claim_precision,
    reading,
    indicator,
    unit,
    region,
    sector,
    size_class,
    time_period,
    publisher,
    predicate_es,
    predicate_en,
    found_value,
    country_value,
    flags,
    source,
    dataset,
    vintage,
    "snapshot",
    cell,
    country_snapshot,
    country_cell,
    counted_cells,
    export_snapshots,
    provenance,
    is_reproduced,
    case
        when is_found and found_value is null then 'no_value'
        when is_reproduced then 'reproduced'
        when is_found then 'not_reproduced'
        when kind in ('share', 'enterprises') and (indicator is null or time_period is null) then 'not_specified'
        else 'no_cell'
    end as status,
    case when unit = 'PC_EMP' then 'las personas ocupadas en empresas' else 'las empresas' end
        || ' de ' || case when region_name_es like 'Com%' then 'la ' else '' end
        || region_name_es || ' (' || detail_es || ')' as who_es,
    case when unit = 'PC_EMP' then 'the persons employed in enterprises' else 'the enterprises' end
        || ' of ' || case when region_name_en like 'Community of%' then 'the ' else '' end
        || region_name_en || ' (' || detail_en || ')' as who_en,
    country_name_es,
    country_name_en,
    trim(trailing '.' from trim(trailing '0' from cast(claimed_value as varchar))) as claimed_text,
    trim(trailing '.' from trim(trailing '0' from cast(found_value as varchar))) as found_text,
    trim(trailing '.' from trim(trailing '0' from cast(country_value as varchar))) as country_text
from described
