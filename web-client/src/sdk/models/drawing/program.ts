/** A shader program, and where its uniforms are. */
export class Program {
  readonly #gl: WebGL2RenderingContext;
  readonly #program: WebGLProgram;
  readonly #places = new Map<string, WebGLUniformLocation | null>();

  /** Begins to compile it. */
  constructor(gl: WebGL2RenderingContext, vertex: string, fragment: string) {
    this.#gl = gl;
    this.#program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]] as const) {
      const shader = gl.createShader(kind);
      if (!shader) throw new Error("no shaders");
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(this.#program, shader);
      gl.deleteShader(shader);
    }
    gl.linkProgram(this.#program);
  }

  /** Whether it is compiled, without waiting where that can be told. Throws where it cannot be. */
  get ready(): boolean {
    const gl = this.#gl;
    const parallel = gl.getExtension("KHR_parallel_shader_compile");
    if (parallel && !gl.getProgramParameter(this.#program, parallel.COMPLETION_STATUS_KHR)) return false;
    if (!gl.getProgramParameter(this.#program, gl.LINK_STATUS)) {
      throw new Error(`shaders: ${gl.getProgramInfoLog(this.#program) ?? "lost"}`);
    }
    return true;
  }

  use(): void {
    this.#gl.useProgram(this.#program);
  }

  /** Where a uniform of the program is. */
  at(name: string): WebGLUniformLocation | null {
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const place = this.#gl.getUniformLocation(this.#program, name);
    this.#places.set(name, place);
    return place;
  }
}
