# Hooke's breaks beside those of strucchange (jumps) and segmented (knots), on made series.
#
# Usage: Rscript compare.R BENCH_CALIBRATION [SERIES_PER_ROW]
# Debian: apt-get install --no-install-recommends r-cran-strucchange r-cran-segmented
suppressPackageStartupMessages({library(strucchange); library(segmented)})

arguments <- commandArgs(trailingOnly = TRUE)
if (length(arguments) < 1) stop("Usage: Rscript compare.R BENCH_CALIBRATION [SERIES_PER_ROW]")
program <- arguments[1]
cases <- if (length(arguments) > 1) as.integer(arguments[2]) else 50
set.seed(1)

noise <- function(n, phi) as.numeric(arima.sim(list(ar = phi), n, n.start = 200)) * sqrt(1 - phi^2)

# The fit with independent noise, as both R packages suppose it.
hooke <- function(y, family) {
  file <- tempfile(fileext = ".csv")
  write.csv(data.frame(step = seq_along(y), value = y), file, row.names = FALSE, quote = FALSE)
  out <- read.csv(text = system2(program, c("fit", file, family, "1", "--resamples", "0"), stdout = TRUE))
  unlink(file)
  out <- out[grepl(if (family == "jumps") "1 jump$" else "1 knot$", out$model), ]
  list(at = as.numeric(out$breaks), rss = out$rss)
}

jump <- function(n, phi) {
  y <- 3 * (seq_len(n) > n / 2) + noise(n, phi)
  ours <- hooke(y, "jumps")
  b <- breakpoints(y ~ 1, h = 4, breaks = 1)
  interval <- tryCatch(confint(b)$confint, error = function(e) NULL)
  if (is.null(interval)) return(NULL)
  # strucchange names the last point of the old segment.
  c(same = ours$at == b$breakpoints + 1, inside = ours$at - 1 >= interval[1] && ours$at - 1 <= interval[3],
    rss = ours$rss / sum(residuals(b)^2))
}

knot <- function(n, phi) {
  x <- seq_len(n)
  y <- 8 * pmax(1 - x / (n / 3), 0) + noise(n, phi)
  ours <- hooke(y, "knots")
  s <- tryCatch(segmented(lm(y ~ x), seg.Z = ~x, psi = n / 2), error = function(e) NULL, warning = function(w) NULL)
  if (is.null(s) || is.null(s$psi)) return(NULL)
  interval <- confint(s, level = 0.95)
  c(same = abs(ours$at - s$psi[2]) < 0.5, inside = ours$at >= interval[2] && ours$at <= interval[3],
    rss = ours$rss / sum(residuals(s)^2))
}

cat("| against | points | AR(1) | compared | same break, % | inside its interval, % | largest ratio of residual sums |\n")
cat("|---|---|---|---|---|---|---|\n")
for (kind in c("strucchange", "segmented")) for (n in c(50, 200, 500)) for (phi in c(0, 0.3, 0.6)) {
  rows <- do.call(rbind, lapply(seq_len(cases), function(i) (if (kind == "strucchange") jump else knot)(n, phi)))
  cat(sprintf("| %s | %d | %.1f | %d | %.0f | %.0f | %.6f |\n", kind, n, phi, nrow(rows), 100 * mean(rows[, "same"]),
              100 * mean(rows[, "inside"]), max(rows[, "rss"])))
}
