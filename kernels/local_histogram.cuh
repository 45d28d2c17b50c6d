// Definitions shared by the files of crossCorrelation.

// Pearson's correlation from Σh, Σhh and Σhw, with the operations of the reference.
__device__ __forceinline__ float pearson(
    double total, double squares, double products, double count, double sum, double spread_wanted) {
  const double spread = count * squares - total * total;
  if (spread_wanted == 0.0) return spread == 0.0 ? 1.0f : 0.0f;
  if (!(spread > 0.0)) return 0.0f;
  const double covariance = count * products - total * sum;
  return (float)(covariance / (sqrt(spread) * sqrt(spread_wanted)));
}
