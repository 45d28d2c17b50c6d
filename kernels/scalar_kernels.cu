// Arithmetic of single numbers that are on the device, so that nobody has to wait for them.
//
// Idea: `image > 0.9 * max(image)` needs one product of a number the device has just computed. A
// launch of one thread takes microseconds; fetching the number and sending the product back would
// make the program wait for all queued work.
//
// Complexity: one operation. Deviations: none; float64 following IEEE 754, as on the host.

extern "C" __global__ void scalar_kernels_apply(i32 operation, double first, const double* first_place,
                                         double second, const double* second_place,
                                         double* result) {
  const double a = first_place ? *first_place : first;
  const double b = second_place ? *second_place : second;
  double value = 0.0;
  switch (operation) {
    case 0: value = a + b; break;
    case 1: value = a - b; break;
    case 2: value = a * b; break;
    case 3: value = a / b; break;
    case 4: value = -a; break;
    case 5: value = fabs(a); break;
    case 6: value = a < b; break;
    case 7: value = a <= b; break;
    case 8: value = a > b; break;
    case 9: value = a >= b; break;
    case 10: value = a == b; break;
    case 11: value = a < b || a > b; break;  // false if one is NaN
    case 12: value = a != 0.0 && b != 0.0; break;
    case 13: value = a != 0.0 || b != 0.0; break;
    case 14: value = a == 0.0; break;
  }
  *result = value;
}
