-- Quantiles of Student's t distribution, for intervals of 95 %.
-- grain: degrees_of_freedom
-- column degrees_of_freedom: degrees of freedom
-- column quantile_975: half of the width of the interval, in standard errors
select
    cast(code as integer) as degrees_of_freedom,
    cast(quantile_975 as double) as quantile_975
from lake.codelist_student_t
