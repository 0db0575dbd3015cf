-- Sentences that were published, each as the cell that it speaks of and the figure that it gives.
-- grain: claim
-- column claim: code
-- column kind: share, members, clusters or enterprises
-- column cluster: whose members are counted; `industrial` for all that are no supplier
-- column indicator: what is measured; null where no code has it
-- column unit: unit of the figure
-- column region: region it speaks of
-- column sector: activity it speaks of; null where the source does not say
-- column size_class: persons employed
-- column time_period: year; null where the source does not say
-- column publisher: whose figure it is
-- column claimed_value: the figure
-- column claim_precision: what the last digit of the claim is worth
-- column reading: equal, just_over, about or at_least
-- column predicate_es: what is said of the enterprises, in Spanish
-- column predicate_en: what is said of the enterprises, in English
-- column claim_source: where it was published
-- column claim_source_es: where it was published, in Spanish
select
    code as claim,
    kind,
    cluster,
    indicator,
    unit,
    region,
    sector,
    size_class,
    time_period,
    publisher,
    cast(claimed_value as decimal(12, 6)) as claimed_value,
    cast("precision" as decimal(12, 6)) as claim_precision,
    reading,
    predicate_es,
    predicate_en,
    "source" as claim_source,
    source_es as claim_source_es
from lake.codelist_published_claims
