-- Sentences that people quote, as the data says them, beside what was published, and whether it is reproduced at the
-- precision of the claim. A claim of whose cell the data has nothing says so.
-- grain: claim
-- column claim: code of the claim
-- column kind: share, members, clusters or enterprises
-- column published_es: what was published, in Spanish
-- column published_en: what was published, in English
-- column claim_source: where it was published, in English
-- column claim_source_es: where it was published, in Spanish
-- column headline_es: the sentence as the data says it, in Spanish
-- column headline_en: the sentence as the data says it, in English
-- column status: reproduced, not_reproduced, no_value (the source has the cell without a figure), no_cell (the data has no
--   such cell), not_specified (the publication does not say of which year or cell it speaks, or no indicator has it)
-- column is_reproduced: whether the figure agrees; null where there is nothing to compare
-- column claimed_value: the published figure
-- column claim_precision: what the last digit of the claim is worth
-- column reading: equal (rounds to it), just_over (from it up to one more of its digit), about (within one of its digit) or
--   at_least
-- column found_value: the figure of the data
-- column difference: the figure of the data less the claim
-- column country_value: the country's figure beside that of a region
-- column indicator: what is measured
-- column unit: unit of the figure
-- column region: region it speaks of
-- column sector: activity it speaks of
-- column size_class: persons employed
-- column time_period: year of reference
-- column publisher: whose figure it is
-- column flags: observation flags
-- column source: the pipeline that delivered it
-- column dataset: its table
-- column vintage: UTC time of the snapshot in which it first stood
-- column snapshot: BLAKE3 of the bytes that it was read from; null for what was counted
-- column cell: byte offset of the value in the decompressed snapshot
-- column country_snapshot: BLAKE3 of the bytes of the country's value
-- column country_cell: byte offset of the country's value there
-- column counted_cells: of a count that is a sum, the cells that were added up, each as snapshot:cell
-- column export_snapshots: of a count of members, BLAKE3 of the exports that were counted
-- column provenance: official, or synthetic where a figure of the sample was compared; none where there is nothing
-- audit: status in ('reproduced', 'not_reproduced', 'no_value', 'no_cell', 'not_specified')
-- audit: (is_reproduced is null) = (status in ('no_value', 'no_cell', 'not_specified'))
-- audit: (difference is null) = (is_reproduced is null)
-- audit: headline_es is not null and headline_en is not null and published_es is not null and published_en is not null
-- audit: (snapshot is null) = (cell is null) and (country_snapshot is null) = (country_cell is null)
-- audit: exists a row where claim = 'eurostat_ai_es13_2025'
-- audit warn: provenance <> 'official' or status <> 'not_reproduced'
-- in es: Frases que se citan, tal como las dicen los datos, junto a lo que se publicó, y si se reproducen con la precisión de
--   lo publicado. La frase de cuya celda no hay nada en los datos lo dice.
-- column claim in es: código de la frase
-- column kind in es: `share` (porcentaje), `members` (socios), `clusters` (clústeres) o `enterprises` (empresas)
-- column published_es in es: lo que se publicó, en español
-- column published_en in es: lo que se publicó, en inglés
-- column claim_source in es: dónde se publicó, en inglés
-- column claim_source_es in es: dónde se publicó, en español
-- column headline_es in es: la frase como la dicen los datos, en español
-- column headline_en in es: la frase como la dicen los datos, en inglés
-- column status in es: `reproduced` (se reproduce), `not_reproduced` (no se reproduce), `no_value` (la fuente tiene la celda,
--   sin cifra), `no_cell` (los datos no tienen esa celda), `not_specified` (la publicación no dice de qué año o celda habla, o
--   ningún indicador la tiene)
-- column is_reproduced in es: si la cifra coincide; nulo si no hay nada que comparar
-- column claimed_value in es: cifra publicada
-- column claim_precision in es: cuánto vale una unidad de la última cifra de lo publicado
-- column reading in es: `equal` (se redondea a ella), `just_over` (desde ella hasta una unidad más de su última cifra), `about`
--   (a menos de una unidad de su última cifra) o `at_least` (al menos)
-- column found_value in es: cifra de los datos
-- column difference in es: cifra de los datos menos la publicada
-- column country_value in es: cifra del país, junto a la de una región
-- column indicator in es: código del indicador: qué se mide
-- column unit in es: unidad de la cifra
-- column region in es: región de la que habla
-- column sector in es: actividad de la que habla
-- column size_class in es: tramo de personas ocupadas
-- column time_period in es: año de referencia
-- column publisher in es: organismo de quien es la cifra
-- column flags in es: marcas de observación
-- column source in es: canalización que lo entregó
-- column dataset in es: su tabla
-- column vintage in es: momento (UTC) de la descarga en que apareció por primera vez
-- column snapshot in es: huella BLAKE3 de los bytes de los que se leyó; nulo en lo que se contó
-- column cell in es: posición del valor, en bytes, en la descarga descomprimida
-- column country_snapshot in es: huella BLAKE3 de los bytes del valor del país
-- column country_cell in es: posición del valor del país, en bytes, en esa descarga
-- column counted_cells in es: si el recuento es una suma, las celdas que se sumaron, cada una como descarga:celda
-- column export_snapshots in es: si es un recuento de socios, huellas BLAKE3 de los ficheros que se contaron
-- column provenance in es: `official` (oficial), o `synthetic` (sintético) si se comparó una cifra de la muestra; `none` si no
--   hay nada
select
    claim,
    kind,
    case
        when kind = 'share' then
            case reading
                when 'just_over' then 'Algo más del ' when 'about' then 'Alrededor del ' when 'at_least' then 'Más del '
                else 'El '
            end
            || replace(claimed_text, '.', ',') || ' % de ' || who_es || ' ' || predicate_es || coalesce(', ' || time_period, '')
        else case when reading = 'at_least' then 'Más de ' else '' end || claimed_text || ' ' || predicate_es
    end as published_es,
    case
        when kind = 'share' then
            case reading
                when 'just_over' then 'Just over ' when 'about' then 'About ' when 'at_least' then 'Over ' else ''
            end
            || claimed_text || '% of ' || who_en || ' ' || predicate_en || coalesce(', ' || time_period, '')
        else case when reading = 'at_least' then 'Over ' else '' end || claimed_text || ' ' || predicate_en
    end as published_en,
    claim_source,
    claim_source_es,
    case
        when status = 'not_specified' and indicator is null then 'Ningún indicador cargado mide esto'
        when status = 'not_specified' then 'La publicación no dice de qué año habla: no hay celda con que compararla'
        when status = 'no_cell' then 'Los datos cargados no tienen la celda de la que habla'
        when status = 'no_value' then 'La fuente tiene la celda sin dato (confidencial o no disponible)'
        when kind = 'share' then
            'El ' || replace(found_text, '.', ',') || ' % de ' || who_es || ' ' || predicate_es || ', ' || time_period
            || coalesce('; en ' || country_name_es || ', el ' || replace(country_text, '.', ',') || ' %', '')
            || ' (' || publisher || ')'
        else found_text || ' ' || predicate_es
    end as headline_es,
    case
        when status = 'not_specified' and indicator is null then 'No indicator that is loaded measures this'
        when status = 'not_specified' then 'The publication does not say of which year it speaks: there is no cell to compare'
        when status = 'no_cell' then 'The loaded data do not have the cell that it speaks of'
        when status = 'no_value' then 'The source has the cell without a figure (confidential or not available)'
        when kind = 'share' then
            found_text || '% of ' || who_en || ' ' || predicate_en || ', ' || time_period
            || coalesce('; in ' || country_name_en || ', ' || country_text || '%', '')
            || ' (' || publisher || ')'
        else found_text || ' ' || predicate_en
    end as headline_en,
    status,
    is_reproduced,
    cast(claimed_value as double) as claimed_value,
    cast(claim_precision as double) as claim_precision,
    reading,
    cast(found_value as double) as found_value,
    cast(found_value - claimed_value as double) as difference,
    cast(country_value as double) as country_value,
    indicator,
    unit,
    region,
    sector,
    size_class,
    time_period,
    publisher,
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
    provenance
from intermediate.int_claims
