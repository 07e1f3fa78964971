import * as tf from '@tensorflow/tfjs-core';

/** Keeps TensorFlow.js' banners out of the terminal: its "production" flag switches console output off, nothing else. */
export function silenceTensorflow(): void {
  tf.env().set('PROD', true);
}
